import { assembleImage } from '@tsbuild/exporter'
import {
  type ContainerConfig,
  chainIDs,
  type DiffID,
  formatReference,
  type HistoryEntry,
  type ImageConfig,
  mediaTypes,
  normalizePlatform,
  parseReference,
  type SnapshotName,
} from '@tsbuild/spec'
import type { CommitOptions, CommittedImage } from '../api/container-files.js'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'
import { applyChanges } from '../images/apply-changes.js'
import { isoTime } from '../images/image-config.js'
import { assignName, keepUnnamed } from '../images/image-names.js'
import { readImage } from '../images/resolve-image.js'
import { newSnapshotName } from '../ops/names.js'
import { committedConfig } from './committed-config.js'
import type { ContainerRecord } from './record.js'
import { containerFilesOf, withStillFiles } from './still-files.js'

/** Makes an image of a container, which stays as it is; see `Container.commit`. `load` gives the settled record. */
export async function commitContainer(
  parts: EngineParts,
  id: string,
  load: () => Promise<ContainerRecord>,
  options: CommitOptions,
): Promise<CommittedImage> {
  const { changes = [], pause = true, signal } = options
  const name = options.name === undefined ? undefined : checkedName(options.name)
  const base = await load()
  const image = imageOf(parts, base)
  const config = applyChanges(committedConfig(image.config ?? {}, base.settings), changes)
  const call = signal === undefined ? {} : { signal }
  await parts.beforeWrite()
  const layer = newSnapshotName()
  await using lease = await parts.store.leases.acquire(
    { kind: 'snapshot', name: layer },
    ...base.layers.map((snapshot) => ({ kind: 'snapshot', name: snapshot }) as const),
  )
  try {
    const usage = await withStillFiles(parts, id, load, { pause, ...call }, (record) =>
      parts.snapshotter.commitCopy(layer, containerFilesOf(record), call),
    )
    const now = Date.now()
    const empty = usage.entries === 0
    const layers = empty ? base.layers : [...base.layers, layer]
    if (empty) await parts.snapshotter.remove(layer)
    else await parts.tables.set(layer, { ...usage, createdAt: now })
    const infos = await Promise.all(layers.map((snapshot) => parts.diffIds.get(snapshot, call)))
    const diffIds = infos.map(({ diffId }) => diffId)
    const document = newConfig(image, { config, diffIds, empty, now, command: base.settings.command, options })
    const format = base.manifest.mediaType === mediaTypes.dockerManifest ? 'docker' : 'oci'
    const built = assembleImage({ config: document, layers: infos, format })
    await lease.add({ kind: 'blob', digest: built.configDigest }, { kind: 'blob', digest: built.descriptor.digest })
    await parts.content.writeBlob(built.manifest.config, built.configBytes, call)
    await parts.content.writeBlob(built.descriptor, built.manifestBytes, call)
    signal?.throwIfAborted()
    await rememberChain(parts, diffIds, layers)
    const target = { manifest: built.descriptor, platform: normalizePlatform(image) }
    if (name === undefined) await keepUnnamed(parts.names, target)
    else await assignName(parts.names, name, target)
    return { ...(name === undefined ? {} : { name }), id: built.configDigest, digest: built.descriptor.digest }
  } catch (error) {
    await parts.tables.remove(layer)
    await parts.snapshotter.remove(layer)
    throw error
  }
}

function checkedName(name: string): string {
  const reference = parseReference(name)
  if (reference.digest === undefined) return formatReference(reference)
  throw new CoreError('OPTION_INVALID', `Cannot tag "${name}": a name with a digest can't be given`)
}

function imageOf({ content }: EngineParts, { manifest, image, name }: ContainerRecord): ImageConfig {
  const found = readImage(content, manifest.digest)
  if (found !== undefined) return found.config
  throw new CoreError('IMAGE_NOT_FOUND', `Cannot commit container "${name}": the config of image "${image}" is gone`)
}

interface NewConfig {
  readonly config: ContainerConfig
  readonly diffIds: readonly DiffID[]
  /** The container has changed nothing. */
  readonly empty: boolean
  readonly now: number
  readonly command: readonly string[]
  readonly options: CommitOptions
}

function newConfig(image: ImageConfig, { config, diffIds, empty, now, command, options }: NewConfig): ImageConfig {
  const { author = '', message = '' } = options
  const created = isoTime(now)
  const line: HistoryEntry = {
    created,
    created_by: command.join(' '),
    ...(author === '' ? {} : { author }),
    ...(message === '' ? {} : { comment: message }),
    ...(empty ? { empty_layer: true } : {}),
  }
  const { architecture, os, variant } = image
  return {
    created,
    ...(author === '' ? {} : { author }),
    architecture,
    os,
    ...(variant === undefined ? {} : { variant }),
    ...(image['os.version'] === undefined ? {} : { 'os.version': image['os.version'] }),
    ...(image['os.features'] === undefined ? {} : { 'os.features': image['os.features'] }),
    config,
    rootfs: { type: 'layers', diff_ids: diffIds },
    history: [...(image.history ?? []), line],
  }
}

/** Which snapshots the image's layers are. Another image with the very same layers goes on with its own. */
async function rememberChain(
  { images, tables }: EngineParts,
  diffIds: readonly DiffID[],
  layers: readonly SnapshotName[],
): Promise<void> {
  const chain = chainIDs(diffIds).at(-1)
  if (chain !== undefined && images.layersOf(diffIds) === undefined) await tables.setChain(chain, layers)
}
