import {
  type CallOptions,
  type Descriptor,
  hasCode,
  type ImageManifest,
  isIndexType,
  isManifestType,
  type Platform,
  platformScore,
  type Reference,
} from '@tsbuild/spec'
import { isDescriptor, parseDocument, parseManifest } from '../cache-manifest.js'
import type { CacheRegistryClient } from '../options.js'

export interface FoundManifest {
  readonly descriptor: Descriptor
  readonly manifest: ImageManifest
}

/** The manifest that a reference names, itself or through an index that has one for the platform. `undefined` where there is none.
 * @throws errors of the client; {RemoteCacheError} `CACHE_INVALID` */
export async function findManifest(
  client: CacheRegistryClient,
  reference: Reference,
  platform: Platform,
  what: string,
  options: CallOptions,
): Promise<FoundManifest | undefined> {
  const top = await fetchOrNothing(client, reference, options)
  if (top === undefined) return undefined
  if (!isIndexType(top.descriptor.mediaType)) return read(top, what)
  const { manifests } = parseDocument(top.bytes, what) as { readonly manifests?: unknown }
  const best = bestFor(platform, Array.isArray(manifests) ? manifests.filter(isDescriptor) : [])
  if (best === undefined) return undefined
  const { registry, repository } = reference
  return read(await client.fetchManifest({ registry, repository, digest: best.digest }, options), what)
}

async function fetchOrNothing(client: CacheRegistryClient, reference: Reference, options: CallOptions) {
  try {
    return await client.fetchManifest(reference, options)
  } catch (error) {
    if (hasCode(error, 'MANIFEST_NOT_FOUND') || hasCode(error, 'REPOSITORY_NOT_FOUND')) return undefined
    throw error
  }
}

function read(
  { descriptor, bytes }: { readonly descriptor: Descriptor; readonly bytes: Uint8Array },
  what: string,
): FoundManifest | undefined {
  return isManifestType(descriptor.mediaType) ? { descriptor, manifest: parseManifest(bytes, what) } : undefined
}

function bestFor(platform: Platform, manifests: readonly Descriptor[]): Descriptor | undefined {
  const scored = manifests
    .map((descriptor) => ({ descriptor, score: descriptor.platform && platformScore(platform, descriptor.platform) }))
    .filter(({ descriptor, score }) => score !== undefined && isManifestType(descriptor.mediaType))
  return scored.sort((a, b) => (b.score ?? 0) - (a.score ?? 0))[0]?.descriptor
}
