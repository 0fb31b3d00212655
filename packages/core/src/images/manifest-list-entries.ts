import {
  type CallOptions,
  type Descriptor,
  formatReference,
  hasCode,
  type ImageConfig,
  type ImageIndex,
  type ImageManifest,
  isIndexType,
  normalizePlatform,
  type Platform,
  parseReference,
  type Reference,
} from '@tsbuild/spec'
import type { ManifestListEntry } from '../api.js'
import type { EngineParts } from '../engine-parts.js'
import { holdImage } from './hold-image.js'
import { sendImage } from './push-image.js'
import { rememberPushed } from './pushed-blobs.js'
import { findImage, type StoredImage } from './stored-images.js'

/** The images that a name adds to a list: the one that is here, else what its registry has.
 * @throws {RegistryError}, {CoreError} `IMAGE_NOT_FOUND` for an id that is not here */
export async function findEntries(parts: EngineParts, image: string, call: CallOptions): Promise<ManifestListEntry[]> {
  const here = findHere(parts, image)
  if (here === undefined) return await fetchEntries(parts, parseReference(image), call)
  const { descriptor, config, askedFor } = here
  const name = askedFor?.name ?? here.rows[0]?.name ?? image
  return [{ ...plain(descriptor), name, platform: platformOf(config), from: 'store' }]
}

function findHere(parts: EngineParts, image: string): StoredImage | undefined {
  try {
    return findImage(parts, image)
  } catch (error) {
    // What can only be an id is nowhere else.
    if (!hasCode(error, 'IMAGE_NOT_FOUND') || /^(sha256:)?[0-9a-f]{64}$/.test(image)) throw error
    return undefined
  }
}

async function fetchEntries(parts: EngineParts, reference: Reference, call: CallOptions): Promise<ManifestListEntry[]> {
  const client = await parts.registry()
  const { descriptor, bytes } = await client.fetchManifest(reference, call)
  const document = decode<ImageManifest & ImageIndex>(bytes)
  const name = formatReference(reference)
  if (isIndexType(descriptor.mediaType)) {
    return document.manifests.flatMap((manifest): ManifestListEntry[] => {
      const { platform, annotations } = manifest
      if (platform === undefined || platform.os === 'unknown') return []
      const more = annotations === undefined ? {} : { annotations }
      return [{ ...plain(manifest), ...more, name, platform: normalizePlatform(platform), from: 'registry' }]
    })
  }
  const config = decode<ImageConfig>(await client.readBlob(reference, document.config, call))
  return [{ ...plain(descriptor), name, platform: platformOf(config), from: 'registry' }]
}

/** Brings an image of a list to the list's repository; resolves with its manifest as it is there.
 * @throws {CoreError} `IMAGE_NOT_FOUND`, {RegistryError} */
export async function pushEntry(
  parts: EngineParts,
  entry: ManifestListEntry,
  { registry, repository }: Reference,
  call: CallOptions,
): Promise<Pick<Descriptor, 'digest' | 'size'>> {
  // Without tag and digest: it is put there under its digest.
  const target: Reference = { registry, repository }
  if (entry.from === 'registry') return await copyEntry(parts, entry, target, call)
  const image = findImage(parts, entry.digest)
  await using _lease = await holdImage(parts, image, entry.name)
  const { digest, size, layers } = await sendImage(parts, image, target, call, () => {})
  await rememberPushed(parts, image.config.rootfs.diff_ids, layers, target)
  return { digest, size }
}

async function copyEntry(
  parts: EngineParts,
  entry: ManifestListEntry,
  target: Reference,
  call: CallOptions,
): Promise<Pick<Descriptor, 'digest' | 'size'>> {
  const { registry, repository } = parseReference(entry.name)
  const { digest, size, mediaType } = entry
  if (registry === target.registry && repository === target.repository) return { digest, size }
  const client = await parts.registry()
  const source: Reference = { registry, repository, digest }
  const { bytes } = await client.fetchManifest(source, call)
  const manifest = decode<ImageManifest>(bytes)
  const mountFrom = registry === target.registry ? [repository] : []
  for (const blob of [manifest.config, ...(manifest.layers ?? [])]) {
    await using _lease = await parts.store.leases.acquire({ kind: 'blob', digest: blob.digest })
    await client.pushBlob(target, blob, (offset) => throughStore(parts, source, blob, offset, call), {
      ...call,
      mountFrom,
    })
  }
  await client.pushManifest(target, bytes, mediaType, call)
  return { digest, size }
}

/** The blob from its registry, by way of the store: an interrupted upload goes on without fetching it again. */
async function* throughStore(
  { content, registry }: EngineParts,
  source: Reference,
  blob: Descriptor,
  offset: number,
  call: CallOptions,
) {
  if (!content.hasBlob(blob.digest)) await (await registry()).pullBlob(source, blob, content, call)
  yield* content.read(blob, { ...call, offset })
}

function plain({ mediaType, digest, size }: Descriptor): Pick<Descriptor, 'mediaType' | 'digest' | 'size'> {
  return { mediaType, digest, size }
}

function platformOf({ os, architecture, variant, ...rest }: ImageConfig): Platform {
  const version = rest['os.version']
  return normalizePlatform({
    os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
    ...(version === undefined ? {} : { 'os.version': version }),
  })
}

/** The registry client and the store have checked it. */
function decode<T>(bytes: Uint8Array): T {
  return JSON.parse(Buffer.from(bytes).toString('utf8')) as T
}
