import type { InlineCache } from '@tsbuild/remote-cache'
import { type CacheBackend, type CallOptions, type DiffID, type Platform, parseReference } from '@tsbuild/spec'
import type { BlobSource } from '@tsbuild/store'
import type { CacheSource, CacheTarget } from '../../api.js'
import type { EngineParts } from '../../engine-parts.js'
import type { DocumentOrigin } from './imported-cache.js'

/** A cache elsewhere that a build uses. */
export interface OpenCache extends AsyncDisposable {
  readonly backend: CacheBackend
  /** The repository, where it is a registry. */
  readonly source?: BlobSource
  /** The caches inside the images of these platforms, each once, where images are what the name leads to. */
  readonly inline?: (platforms: readonly Platform[], options: CallOptions) => Promise<readonly InlineRecord[]>
}

export interface InlineRecord extends Pick<DocumentOrigin, 'blobs'> {
  readonly bytes: Uint8Array
}

/** What says where a cache lies; an inline one lies nowhere of its own. */
export type CachePlace = CacheSource | Exclude<CacheTarget, { readonly type: 'inline' }>

/** Opens a cache; nothing is asked of it yet.
 * @throws {SpecError} `REFERENCE_INVALID`, {RemoteCacheError} `CACHE_OPTION_INVALID` */
export async function openCache(place: CachePlace, { registry }: Pick<EngineParts, 'registry'>): Promise<OpenCache> {
  if (place.type === 'custom') return { backend: place.backend, [Symbol.asyncDispose]: async () => {} }
  const { openLocalCache, openRegistryCache, openS3Cache } = await import('@tsbuild/remote-cache')
  if (place.type === 'local') {
    const directory = 'src' in place ? place.src : place.dest
    const { tag } = place
    const digest = 'digest' in place ? place.digest : undefined
    const named = { ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) }
    return owned(openLocalCache({ directory, ...named }))
  }
  if (place.type === 's3') return owned(openS3Cache(place))
  const reference = parseReference(place.ref)
  const cache = openRegistryCache({ client: await registry(), reference })
  return {
    ...owned(cache),
    source: { registry: reference.registry, repository: reference.repository },
    inline: async (platforms, options) => {
      const found = await Promise.all(platforms.map((platform) => cache.getInline({ ...options, platform })))
      const distinct = new Map(found.flatMap((one) => (one === undefined ? [] : [[one.descriptor.digest, one]])))
      return [...distinct.values()].map(inlineRecord)
    },
  }
}

function inlineRecord({ record, manifest, diffIds }: InlineCache): InlineRecord {
  const pairs = diffIds.flatMap((diffId, index) => {
    const blob = manifest.layers[index]
    return blob === undefined ? [] : [[diffId as DiffID, blob] as const]
  })
  return { bytes: record, blobs: new Map(pairs) }
}

function owned(backend: CacheBackend): OpenCache {
  return { backend, [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose]() }
}
