import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { hasCode } from '@tsbuild/spec'
import type { LeaseResource } from '@tsbuild/store'
import type { ContainerOptions } from '../api/containers.js'
import type { Images } from '../api/images.js'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'
import { ensureBindSources } from './bind-sources.js'
import { checkContainerOptions } from './check-options.js'
import { type ContainerImage, containerImage } from './container-image.js'
import { withContainerLock } from './container-locks.js'
import { checkContainerName, randomContainerName } from './container-name.js'
import { containerPaths } from './container-paths.js'
import { containerSettings, defaultNetwork } from './container-settings.js'
import { containerKey, containerSnapshotter } from './container-snapshot.js'
import { changeState } from './life.js'
import { checkNetwork } from './network.js'
import { type ContainerRecord, toStored } from './record.js'
import { removeContainer } from './remove-container.js'

const nameAttempts = 20

/** Makes a container that is `created`, or nothing.
 * @throws {CoreError} `CONTAINER_EXISTS`, `COMMAND_MISSING`, `OPTION_INVALID`, and what finding the image throws */
export async function createContainer(
  parts: EngineParts,
  images: Images,
  options: ContainerOptions,
): Promise<ContainerRecord> {
  const name = options.name === undefined ? undefined : checkContainerName(options.name)
  checkContainerOptions(options, parts.options.entitlements ?? [])
  const network = checkNetwork({ ...options, network: options.network ?? defaultNetwork(options) }, parts)
  await ensureBindSources(options.mounts ?? [])
  const image = await containerImage(parts, images, options)
  await using _lease = await parts.store.leases.acquire(...resourcesOf(image))
  mustBeThere(parts, image, options.image)
  const id = randomBytes(32).toString('hex')
  const settings = containerSettings(id, image.config, { ...options, network }, parts.options.runtime)
  if (options.commandRequired && settings.entrypoint.length + settings.command.length === 0)
    throw commandMissing(options.image)
  const record: Omit<ContainerRecord, 'name'> = {
    id,
    image: options.image,
    imageId: image.imageId,
    manifest: image.manifest,
    layers: image.layers,
    createdAt: Date.now(),
    settings,
    state: { status: 'creating' },
  }
  await parts.beforeWrite()
  return await withContainerLock(parts, id, options, async () => {
    const named = await addNamed(parts, record, name)
    try {
      return await makeFiles(parts, named, options)
    } catch (error) {
      await removeContainer(parts, id)
      throw error
    }
  })
}

export function commandMissing(image: string): CoreError {
  return new CoreError('COMMAND_MISSING', `Cannot run image "${image}": neither it nor you say which command`, {
    hint: 'Name a command behind the image',
  })
}

function resourcesOf({ imageId, manifest, layers }: ContainerImage): LeaseResource[] {
  const blobs = [manifest.digest, imageId].map((digest) => ({ kind: 'blob', digest }) as const)
  return [...blobs, ...layers.map((name) => ({ kind: 'snapshot', name }) as const)]
}

/** Between its being found and its being held another process may have removed it. */
function mustBeThere(
  { content, snapshotter }: EngineParts,
  { imageId, manifest, layers }: ContainerImage,
  shown: string,
): void {
  const blobs = [imageId, manifest.digest]
  if (blobs.every((digest) => content.hasBlob(digest)) && layers.every((layer) => snapshotter.has(layer))) return
  throw new CoreError('IMAGE_NOT_FOUND', `Cannot use image "${shown}": it was removed just now`)
}

async function makeFiles(
  parts: EngineParts,
  record: ContainerRecord,
  { signal }: ContainerOptions,
): Promise<ContainerRecord> {
  await mkdir(containerPaths(parts.root, record.id).directory, { recursive: true, mode: 0o700 })
  await using snapshotter = containerSnapshotter(parts, record.id)
  await snapshotter.prepare(containerKey, record.layers, signal === undefined ? {} : { signal })
  return (await changeState(parts, record.id, () => ({ status: 'created' }))) ?? record
}

/** The row with its name: the given one, or one that is free. */
async function addNamed(
  { store }: EngineParts,
  record: Omit<ContainerRecord, 'name'>,
  given: string | undefined,
): Promise<ContainerRecord> {
  for (let attempt = 0; ; attempt++) {
    const named: ContainerRecord = { ...record, name: given ?? randomContainerName(attempt) }
    try {
      await store.containers.add(toStored(named))
      return named
    } catch (error) {
      if (!hasCode(error, 'CONTAINER_EXISTS')) throw error
      if (given !== undefined) throw nameTaken(given, error)
      if (attempt === nameAttempts) throw error
    }
  }
}

export function nameTaken(name: string, cause: unknown): CoreError {
  const state = (cause as Error).message.replace(/^.*": /, '')
  return new CoreError('CONTAINER_EXISTS', `Cannot name container "${name}": ${state}`, {
    cause,
    hint: 'Remove or rename that container, or choose another name',
  })
}
