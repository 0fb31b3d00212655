import type { RegistryClient } from '@tsbuild/registry'
import {
  type CallOptions,
  type ContentStore,
  type Descriptor,
  type Digest,
  formatPlatform,
  formatReference,
  type ImageConfig,
  type ImageManifest,
  type JsonValue,
  mediaTypes,
  normalizePlatform,
  type Platform,
  parseJson,
  parseReference,
  platformScore,
  type Reference,
} from '@tsbuild/spec'
import type { ImageNames, ImageTarget } from '@tsbuild/store'
import { CoreError } from '../errors.js'
import { assignName } from './image-names.js'

/** An image whose manifest and config are in the local store; its layers may not be yet. */
export interface ResolvedImage {
  /** Full name with digest, as progress shows it. */
  readonly name: string
  readonly reference: Reference
  readonly digest: Digest
  readonly manifest: ImageManifest
  readonly config: ImageConfig
  /** Set when its blobs came into the store from elsewhere than the registry of its name. */
  readonly from?: 'store'
}

export interface ResolveServices {
  readonly names: ImageNames
  readonly content: ContentStore
  readonly registry: () => Promise<RegistryClient>
}

export interface ResolveOptions extends CallOptions {
  readonly platform: Platform
  /** Ask the registry even where the local store has the name. */
  readonly pull?: boolean
}

/** Finds an image by name: in the local store, without network, else in its registry; then its manifest and config are kept.
 * @throws {CoreError} `IMAGE_INVALID`, {SpecError} `REFERENCE_INVALID`, and what the registry throws */
export async function resolveImage(
  name: string,
  services: ResolveServices,
  options: ResolveOptions,
): Promise<ResolvedImage> {
  const reference = parseReference(name)
  const local = options.pull === true ? undefined : findLocal(reference, services, options.platform)
  return local ?? (await fetchImage(reference, services, options))
}

function findLocal(
  reference: Reference,
  { names, content }: ResolveServices,
  platform: Platform,
): ResolvedImage | undefined {
  // A name with the digest of an index leads to the manifest that was chosen from it.
  const digest = names.get(formatReference(reference))?.manifest.digest ?? reference.digest
  if (digest === undefined) return undefined
  const found = readImage(content, digest)
  if (found === undefined || platformScore(platform, found.config) === undefined) return undefined
  return { ...found, reference, digest, name: pinned(reference, digest) }
}

/** Manifest and config of an image in the store; `undefined` when one of them is not there. */
export function readImage(
  content: ContentStore,
  digest: Digest,
): { manifest: ImageManifest; config: ImageConfig } | undefined {
  const manifestBytes = content.readSmall(digest)
  if (manifestBytes === undefined) return undefined
  const manifest = decode<ImageManifest>(manifestBytes, `manifest ${digest}`)
  if (manifest.config === undefined) return undefined
  const configBytes = content.readSmall(manifest.config.digest)
  if (configBytes === undefined) return undefined
  return { manifest, config: decode<ImageConfig>(configBytes, `image config ${manifest.config.digest}`) }
}

/** Fetches an image's manifest and config for a build, which gives it its name at once: its layers come when a step needs them. */
async function fetchImage(
  reference: Reference,
  services: ResolveServices,
  { platform, signal }: ResolveOptions,
): Promise<ResolvedImage> {
  const fetched = await fetchDocuments(reference, services, { platform, ...(signal === undefined ? {} : { signal }) })
  await assignName(services.names, formatReference(reference), fetched.target)
  return fetched.image
}

export interface FetchedImage {
  readonly image: ResolvedImage
  readonly target: ImageTarget
  /** What the name led to: an index or the manifest itself. */
  readonly digest: Digest
}

/** Gets manifest and config of an image from its registry into the store.
 * @param options.platform default: this machine's, and whatever an image without an index is for
 * @throws {CoreError} `IMAGE_INVALID`, `PLATFORM_UNSUPPORTED`, and what the registry throws */
export async function fetchDocuments(
  reference: Reference,
  { content, registry }: Pick<ResolveServices, 'content' | 'registry'>,
  { platform, signal }: CallOptions & { readonly platform?: Platform },
): Promise<FetchedImage> {
  const call = signal === undefined ? {} : { signal }
  const client = await registry()
  const found = await client.resolve(reference, { ...(platform === undefined ? {} : { platform }), ...call })
  const { descriptor, manifest, manifestBytes } = found
  checkKind(reference, manifest)
  const configBytes = await client.readBlob(reference, manifest.config, call)
  const config = decode<ImageConfig>(configBytes, `image config ${manifest.config.digest}`)
  checkConfig(reference, manifest, config, platform)
  await content.writeBlob(manifest.config, configBytes, call)
  await content.writeBlob(descriptor, manifestBytes, call)
  const { digest } = descriptor
  return {
    image: { name: pinned(reference, digest), reference, digest, manifest, config },
    target: { manifest: plain(descriptor), platform: normalizePlatform(config) },
    digest: (found.indexDescriptor ?? descriptor).digest,
  }
}

/** Charts, signatures and the like are manifests, too. */
function checkKind(reference: Reference, { config }: ImageManifest): void {
  if (config.mediaType === mediaTypes.ociConfig || config.mediaType === mediaTypes.dockerConfig) return
  const name = formatReference(reference)
  throw new CoreError(
    'IMAGE_INVALID',
    `Cannot use image "${name}": it is no image but "${config.mediaType.slice(0, 100)}"`,
  )
}

function checkConfig(
  reference: Reference,
  manifest: ImageManifest,
  config: ImageConfig,
  platform: Platform | undefined,
): void {
  const name = formatReference(reference)
  const diffIds = config.rootfs?.diff_ids
  if (!Array.isArray(diffIds) || diffIds.length !== manifest.layers.length) {
    throw new CoreError('IMAGE_INVALID', `Cannot use image "${name}": its config names other layers than its manifest`)
  }
  if (typeof config.os !== 'string' || typeof config.architecture !== 'string') {
    throw new CoreError('IMAGE_INVALID', `Cannot use image "${name}": its config names no platform`)
  }
  if (platform !== undefined && platformScore(platform, config) === undefined) {
    throw new CoreError(
      'PLATFORM_UNSUPPORTED',
      `Cannot use image "${name}": it is for ${formatPlatform(config)}, not ${formatPlatform(platform)}`,
    )
  }
}

/** Only what names the bytes; platform and annotations belong to the index that it came from. */
function plain({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size }
}

function pinned(reference: Reference, digest: Digest): string {
  return formatReference({ ...reference, digest })
}

function decode<T>(bytes: Uint8Array, what: string): T {
  return parseJson(Buffer.from(bytes).toString('utf8'), what) as JsonValue as T
}
