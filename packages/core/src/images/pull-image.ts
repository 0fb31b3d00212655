import { type Digest, formatReference, parsePlatform, parseReference, type Reference } from '@tsbuild/spec'
import type { PullEvent, PulledImage, PullOptions } from '../api.js'
import type { EngineParts } from '../engine-parts.js'
import { assignName } from './image-names.js'
import { repositoryOf } from './repository-name.js'
import { fetchDocuments, readImage } from './resolve-image.js'

/** Brings an image into the store, and names it once it is whole. */
export async function pullImage(parts: EngineParts, name: string, options: PullOptions): Promise<PulledImage> {
  return await pullReference(parts, parseReference(name), options)
}

/** Every tag of a repository, one after the other: they share most of their layers. */
export async function pullAllTags(parts: EngineParts, name: string, options: PullOptions): Promise<PulledImage[]> {
  const repository = repositoryOf(name, 'pull')
  const client = await parts.registry()
  const tags = await client.listTags(repository, options.signal === undefined ? {} : { signal: options.signal })
  const pulled: PulledImage[] = []
  for (const tag of tags) pulled.push(await pullReference(parts, { ...repository, tag }, options))
  return pulled
}

async function pullReference(
  parts: EngineParts,
  reference: Reference,
  { platform, signal, onEvent = () => {} }: PullOptions,
): Promise<PulledImage> {
  const call = signal === undefined ? {} : { signal }
  const wanted = platform === undefined ? {} : { platform: parsePlatform(platform) }
  onEvent(imageEvent(reference))
  const { image, target, digest } = await fetchDocuments(reference, parts, { ...wanted, ...call })
  const blobs = [target.manifest, image.manifest.config, ...image.manifest.layers]
  await using _lease = await parts.store.leases.acquire(
    ...blobs.map((blob) => ({ kind: 'blob', digest: blob.digest }) as const),
  )
  await parts.beforeWrite()
  const { made } = await parts.images.unpack(image, {
    ...call,
    onLayer: (layer) => onEvent({ kind: 'layer', ...layer }),
  })
  signal?.throwIfAborted()
  const name = formatReference(reference)
  const id = image.manifest.config.digest
  const known = idOf(parts, name) === id
  // The same image under another manifest, such as one that was built here and pushed, is no older image to be kept.
  if (known) await parts.names.set(name, target)
  else await assignName(parts.names, name, target)
  return { name, digest, manifestDigest: image.digest, id, updated: made > 0 || !known }
}

/** The image that a name leads to now. */
function idOf({ names, content }: EngineParts, name: string): Digest | undefined {
  const manifest = names.get(name)?.manifest
  return manifest === undefined ? undefined : readImage(content, manifest.digest)?.manifest.config.digest
}

/** The event that begins an image. */
export function imageEvent(reference: Reference): Extract<PullEvent, { kind: 'image' }> {
  const { registry, repository, tag, digest } = reference
  const shown = digest ?? tag ?? ''
  return { kind: 'image', name: formatReference(reference), registry, repository, reference: shown }
}
