import { normalizePlatform } from '@tsbuild/spec'
import type { RemovedImage, RemoveImageOptions } from '../api.js'
import { containersUsing, type ImageUser } from '../containers/containers-using.js'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'
import { freeUnreached, resourcesOf } from './free-unreached.js'
import { isDangling, keepUnnamed } from './image-names.js'
import { findImage, type NamedImage, type StoredImage, shownName } from './stored-images.js'

/** Removes a name, or an image: Docker's rules for `docker rmi`. */
export async function removeImage(
  parts: EngineParts,
  nameOrId: string,
  { force = false }: RemoveImageOptions,
): Promise<RemovedImage> {
  const image = findImage(parts, nameOrId)
  const users = containersUsing(parts.store, image.id)
  const asked = image.askedFor
  const untagged = asked === undefined ? allNames(image, nameOrId, force) : withDigests(image, asked)
  const left = image.rows.filter((row) => !untagged.includes(row) && row.reference !== undefined)
  if (left.length === 0) refuseUsed(image, nameOrId, users, force)
  const resources = resourcesOf(parts, image.rows)
  const removed = untagged.flatMap((row) => shownName(row) ?? [])
  // Who runs keeps its image, which then has no name any more.
  const keep = left.length === 0 && users.some(({ running }) => running)
  await forget(parts, [...untagged, ...(left.length === 0 && !keep ? image.rows : [])])
  if (keep) await keepUnnamed(parts.names, { manifest: image.descriptor, platform: normalizePlatform(image.config) })
  if (left.length > 0 || keep) return { untagged: removed, deleted: [], reclaimedBytes: 0 }
  const { layers, bytes } = await freeUnreached(parts, resources)
  return { untagged: removed, deleted: [image.id, ...layers], reclaimedBytes: bytes }
}

/** Takes rows of the store's names away; a name that leads to another image by now stays. */
export async function forget({ names }: Pick<EngineParts, 'names'>, rows: readonly NamedImage[]): Promise<void> {
  for (const { name, descriptor } of new Set(rows))
    if (names.get(name)?.manifest.digest === descriptor.digest) await names.remove(name)
}

/** The row that was asked for; once its repository has no tag of the image left, the names by digest there go with it. */
function withDigests(image: StoredImage, asked: NamedImage): NamedImage[] {
  const { registry, repository } = asked.reference ?? {}
  const siblings = image.rows.filter(
    (row) => row !== asked && row.reference?.registry === registry && row.reference?.repository === repository,
  )
  const tagLeft = siblings.some(({ reference }) => reference?.tag !== undefined && reference.digest === undefined)
  return tagLeft || asked.reference?.tag === undefined ? [asked] : [asked, ...siblings]
}

/** All names, when it was asked for by its id. */
function allNames({ rows }: StoredImage, id: string, force: boolean): NamedImage[] {
  const named = rows.filter(({ name }) => !isDangling(name))
  const tags = named.filter(({ reference }) => reference?.digest === undefined)
  const repositories = new Set(named.map(({ reference }) => `${reference?.registry}/${reference?.repository}`))
  if (!force && (tags.length > 1 || repositories.size > 1)) {
    throw new CoreError('IMAGE_IN_USE', `Cannot remove image "${id}": it has several names`, {
      hint: `Remove them one by one, or all of them with --force: ${named.flatMap((row) => shownName(row) ?? []).join(', ')}`,
    })
  }
  return named
}

function refuseUsed(image: StoredImage, nameOrId: string, users: readonly ImageUser[], force: boolean): void {
  const byId = image.askedFor === undefined
  const running = users.find((user) => user.running)
  const user = running ?? users[0]
  if (user === undefined || (force && (running === undefined || !byId))) return
  const state = running === undefined ? 'stopped' : 'running'
  throw new CoreError(
    'IMAGE_IN_USE',
    `Cannot remove image "${nameOrId}": ${state} container ${user.id.slice(0, 12)} ("${user.name}") uses it`,
    {
      hint:
        running === undefined ? 'Remove the container first, or use --force' : 'Stop and remove the container first',
    },
  )
}
