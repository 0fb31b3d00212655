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
  normalizePlatform,
  type Platform,
  parseJson,
  parseReference,
  platformScore,
  type Reference,
} from '@tsbuild/spec'
import type { ImageNames } from '@tsbuild/store'
import { CoreError } from '../errors.js'

/** An image whose manifest and config are in the local store; its layers may not be yet. */
export interface ResolvedImage {
  /** Full name with digest, as progress shows it. */
  readonly name: string
  readonly reference: Reference
  readonly digest: Digest
  readonly manifest: ImageManifest
  readonly config: ImageConfig
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
  const digest = reference.digest ?? names.get(formatReference(reference))?.manifest.digest
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

async function fetchImage(
  reference: Reference,
  { names, content, registry }: ResolveServices,
  { platform, signal }: ResolveOptions,
): Promise<ResolvedImage> {
  const call = signal === undefined ? {} : { signal }
  const client = await registry()
  const { descriptor, manifest, manifestBytes } = await client.resolve(reference, { platform, ...call })
  const configBytes = await client.readBlob(reference, manifest.config, call)
  const config = decode<ImageConfig>(configBytes, `image config ${manifest.config.digest}`)
  checkConfig(reference, manifest, config, platform)
  await content.writeBlob(manifest.config, configBytes, call)
  await content.writeBlob(descriptor, manifestBytes, call)
  await names.set(formatReference(reference), {
    manifest: plain(descriptor),
    platform: normalizePlatform(config),
  })
  return { name: pinned(reference, descriptor.digest), reference, digest: descriptor.digest, manifest, config }
}

function checkConfig(reference: Reference, manifest: ImageManifest, config: ImageConfig, platform: Platform): void {
  const name = formatReference(reference)
  const diffIds = config.rootfs?.diff_ids
  if (!Array.isArray(diffIds) || diffIds.length !== manifest.layers.length) {
    throw new CoreError('IMAGE_INVALID', `Cannot use image "${name}": its config names other layers than its manifest`)
  }
  if (platformScore(platform, config) === undefined) {
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
