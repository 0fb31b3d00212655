import {
  type Descriptor,
  type ImageIndex,
  type ImageManifest,
  isDigest,
  isIndexType,
  isManifestType,
  mediaTypes,
} from '@tsbuild/spec'
import { RegistryError } from './errors.js'

/** The largest manifest or index that is read, in bytes: what the distribution spec asks registries to take at least. */
export const maxManifestBytes = 4 * 1024 * 1024

/** What is accepted as a manifest, best first. */
export const acceptedManifests = [
  mediaTypes.ociIndex,
  mediaTypes.dockerIndex,
  mediaTypes.ociManifest,
  mediaTypes.dockerManifest,
]

/** A manifest's bytes, understood. */
export type ManifestDocument =
  | { readonly kind: 'index'; readonly mediaType: string; readonly index: ImageIndex }
  | { readonly kind: 'manifest'; readonly mediaType: string; readonly manifest: ImageManifest }

/** Checks a manifest or index: its type (the header's and its own must agree), and the descriptors in it.
 * @param name for messages
 * @throws {RegistryError} `MANIFEST_INVALID`, `MANIFEST_UNSUPPORTED` */
export function parseManifest(bytes: Uint8Array, contentType: string | undefined, name: string): ManifestDocument {
  const invalid = (why: string) => new RegistryError('MANIFEST_INVALID', `Cannot read manifest of "${name}": ${why}`)
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    throw invalid('it is not JSON')
  }
  if (!isObject(value)) throw invalid('it is not a JSON object')
  const mediaType = decideType(value, contentType, name)
  if (isIndexType(mediaType)) {
    const { manifests } = value
    if (!Array.isArray(manifests) || !manifests.every(isDescriptor))
      throw invalid('its list of manifests is not one of descriptors')
    if (value.layers !== undefined || value.config !== undefined) throw invalid('it is an index with layers')
    return { kind: 'index', mediaType, index: value as unknown as ImageIndex }
  }
  const { config, layers } = value
  if (!isDescriptor(config)) throw invalid('its config is no descriptor')
  if (!Array.isArray(layers) || !layers.every(isDescriptor)) throw invalid('its layers are no list of descriptors')
  if (value.manifests !== undefined) throw invalid('it is an image with a list of manifests')
  return { kind: 'manifest', mediaType, manifest: value as unknown as ImageManifest }
}

function decideType(value: Readonly<Record<string, unknown>>, contentType: string | undefined, name: string): string {
  const header = contentType?.split(';')[0]?.trim().toLowerCase()
  const own = typeof value.mediaType === 'string' ? value.mediaType : undefined
  const unsupported = (what: string, hint: string) =>
    new RegistryError('MANIFEST_UNSUPPORTED', `Cannot read manifest of "${name}": ${what}`, { hint })
  if (value.schemaVersion === 1 || header?.startsWith('application/vnd.docker.distribution.manifest.v1+')) {
    throw unsupported("it has Docker's old schema 1", 'Push the image again with a current tool')
  }
  if (value.schemaVersion !== 2)
    throw new RegistryError('MANIFEST_INVALID', `Cannot read manifest of "${name}": "schemaVersion" is not 2`)
  const known = (type: string | undefined) => type !== undefined && (isIndexType(type) || isManifestType(type))
  if (known(header) && own !== undefined && own !== header) {
    throw new RegistryError(
      'MANIFEST_INVALID',
      `Cannot read manifest of "${name}": it says "${own.slice(0, 100)}", the registry says "${header}"`,
    )
  }
  if (known(header)) return header!
  if (known(own)) return own!
  if (own !== undefined)
    throw unsupported(`it is a "${own.slice(0, 100)}"`, 'Only images and image indexes are supported')
  return value.manifests !== undefined ? mediaTypes.ociIndex : mediaTypes.ociManifest
}

function isDescriptor(value: unknown): value is Descriptor {
  if (!isObject(value)) return false
  const { mediaType, digest, size, platform } = value
  const sized = typeof size === 'number' && Number.isSafeInteger(size) && size >= 0
  return typeof mediaType === 'string' && isDigest(digest) && sized && (platform === undefined || isPlatform(platform))
}

function isPlatform(value: unknown): boolean {
  if (!isObject(value)) return false
  const { os, architecture, variant } = value
  return (
    typeof os === 'string' && typeof architecture === 'string' && (variant === undefined || typeof variant === 'string')
  )
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}
