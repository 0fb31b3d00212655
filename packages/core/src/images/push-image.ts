import { type PushedImage as Pushed, pushImage, pushStoredImage } from '@tsbuild/exporter'
import { suggest } from '@tsbuild/parser'
import {
  type Descriptor,
  type DiffID,
  familiarReference,
  formatPlatform,
  formatReference,
  hasCode,
  type ImageConfig,
  type ImageManifest,
  parsePlatform,
  parseReference,
  platformScore,
  type Reference,
} from '@tsbuild/spec'
import type { PushEvent, PushedImage, PushOptions } from '../api.js'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'
import { exportableImage, isVirtual, sourceLayers } from './exportable-image.js'
import { holdImage } from './hold-image.js'
import { isDangling } from './image-names.js'
import { openImageSource } from './image-source.js'
import { imageEvent } from './pull-image.js'
import { mountSources, rememberPushed } from './pushed-blobs.js'
import { repositoryOf } from './repository-name.js'
import { readImage } from './resolve-image.js'

interface LocalImage {
  readonly descriptor: Descriptor
  readonly manifest: ImageManifest
  readonly config: ImageConfig
}

/** Sends a named image to its registry. */
export async function pushByName(parts: EngineParts, name: string, options: PushOptions): Promise<PushedImage> {
  const reference = parseReference(name)
  if (reference.digest !== undefined)
    throw new CoreError('OPTION_INVALID', `Cannot push "${name}": a name with a digest can't be pushed`)
  return await pushReference(parts, reference, options)
}

/** Every tag that a repository has here. */
export async function pushAllTags(parts: EngineParts, name: string, options: PushOptions): Promise<PushedImage[]> {
  const { registry, repository } = repositoryOf(name, 'push')
  const references = namedImages(parts)
    .filter((one) => one.registry === registry && one.repository === repository && one.digest === undefined)
    .filter(({ tag }) => tag !== undefined)
  if (references.length === 0) throw notFound(parts, name)
  const pushed: PushedImage[] = []
  for (const reference of references) pushed.push(await pushReference(parts, reference, options))
  return pushed
}

async function pushReference(parts: EngineParts, reference: Reference, options: PushOptions): Promise<PushedImage> {
  const image = findImage(parts, reference, options)
  const emit = options.onEvent ?? (() => {})
  emit(imageEvent(reference))
  for (const digest of new Set(image.config.rootfs.diff_ids)) emit({ kind: 'layer', digest, state: 'preparing' })
  await using _lease = await holdImage(parts, image, familiarReference(reference))
  const { digest, size, layers } = await sendImage(parts, image, reference, options, emit)
  await rememberPushed(parts, image.config.rootfs.diff_ids, layers, reference)
  return { name: formatReference(reference), digest, size }
}

function findImage(parts: EngineParts, reference: Reference, { platform }: PushOptions): LocalImage {
  const name = familiarReference(reference)
  const full = formatReference(reference)
  const descriptor = parts.names.get(full)?.manifest
  if (descriptor === undefined) {
    if (!parts.store.metadata.table('manifest-lists').has(full)) throw notFound(parts, name)
    const hint = `Push it with "tsbuild manifest push ${name}"`
    throw new CoreError('OPTION_INVALID', `Cannot push "${name}": it is a manifest list`, { hint })
  }
  const found = readImage(parts.content, descriptor.digest)
  if (found === undefined) throw incomplete(name)
  if (platform !== undefined && platformScore(parsePlatform(platform), found.config) === undefined) {
    const has = formatPlatform(found.config)
    throw new CoreError('PLATFORM_UNSUPPORTED', `Cannot push "${name}": it is for ${has}, not ${platform}`)
  }
  return { descriptor, ...found }
}

/** What was pulled goes as it came; what was built, or lost a blob since, is put together from its layers. */
export async function sendImage(
  parts: EngineParts,
  image: LocalImage,
  reference: Reference,
  { signal }: PushOptions,
  emit: (event: PushEvent) => void,
): Promise<Pushed> {
  const client = await parts.registry()
  const options = {
    ...(signal === undefined ? {} : { signal }),
    mountFrom: (diffId: DiffID) => mountSources(parts, diffId, reference),
    onLayer: ({
      id,
      ...layer
    }: { readonly id: DiffID } & Omit<Extract<PushEvent, { kind: 'layer' }>, 'kind' | 'digest'>) =>
      emit({ kind: 'layer', digest: id, ...layer }),
  }
  const diffIds = image.config.rootfs.diff_ids
  const layers = await sourceLayers(parts, diffIds)
  if (layers === undefined || !image.manifest.layers.some((blob, index) => isVirtual(parts, blob, diffIds[index]))) {
    const manifestBytes = parts.content.readSmall(image.descriptor.digest)
    if (manifestBytes === undefined) throw incomplete(familiarReference(reference))
    try {
      return await pushStoredImage({ ...image, manifestBytes, diffIds }, parts.content, client, reference, options)
    } catch (error) {
      if (!hasCode(error, 'BLOB_NOT_FOUND') || error.name !== 'StoreError') throw error
      if (layers === undefined) throw incomplete(familiarReference(reference), error)
    }
  }
  return await pushImage(
    exportableImage(parts, image, layers),
    openImageSource(parts, layers),
    client,
    reference,
    options,
  )
}

function namedImages({ names }: EngineParts): Reference[] {
  return names.list().flatMap(({ name }) => (isDangling(name) ? [] : [parseReference(name)]))
}

function notFound(parts: EngineParts, name: string): CoreError {
  const near = suggest(name, namedImages(parts).map(familiarReference))
  return new CoreError('IMAGE_NOT_FOUND', `Cannot push "${name}": there is no image with this name here`, {
    ...(near === undefined ? {} : { hint: `Did you mean "${near}"?` }),
  })
}

function incomplete(name: string, cause?: unknown): CoreError {
  return new CoreError('IMAGE_INVALID', `Cannot push "${name}": not all of it is here`, {
    hint: `Fetch the rest with "tsbuild pull ${name}"`,
    ...(cause === undefined ? {} : { cause }),
  })
}
