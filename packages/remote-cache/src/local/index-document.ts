import { canonicalJson, type Descriptor, mediaTypes } from '@tsbuild/spec'
import { isDescriptor, parseDocument } from '../cache-manifest.js'
import { RemoteCacheError } from '../errors.js'

const nameKey = 'org.opencontainers.image.ref.name'

/** The descriptors of an OCI layout's `index.json`.
 * @throws {RemoteCacheError} `CACHE_INVALID`; `what` begins the message */
export function parseIndex(bytes: Uint8Array, what: string): readonly Descriptor[] {
  const { manifests } = parseDocument(bytes, what) as { manifests?: unknown }
  if (Array.isArray(manifests) && manifests.every(isDescriptor)) return manifests
  throw new RemoteCacheError('CACHE_INVALID', `${what}: it is no index of an OCI image layout`)
}

export function findTag(index: readonly Descriptor[], tag: string): Descriptor | undefined {
  return index.find(({ annotations }) => annotations?.[nameKey] === tag)
}

/** The index with `descriptor` in the place of what had the tag. */
export function withTag(index: readonly Descriptor[], tag: string, descriptor: Descriptor): readonly Descriptor[] {
  const others = index.filter(({ annotations }) => annotations?.[nameKey] !== tag)
  return [...others, { ...descriptor, annotations: { [nameKey]: tag } }]
}

export function formatIndex(manifests: readonly Descriptor[]): Uint8Array {
  return Buffer.from(canonicalJson({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests } as never))
}
