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
  /** The cache inside an image, where that is what the name leads to. */
  readonly inline?: (options: CallOptions) => Promise<InlineRecord | undefined>
}

export interface InlineRecord extends Pick<DocumentOrigin, 'blobs'> {
  readonly bytes: Uint8Array
}

/** What says where a cache lies; an inline one lies nowhere of its own. */
export type CachePlace = CacheSource | Exclude<CacheTarget, { readonly type: 'inline' }>

/** Opens a cache; nothing is asked of it yet.
 * @throws {SpecError} `REFERENCE_INVALID`, {RemoteCacheError} `CACHE_OPTION_INVALID` */
export async function openCache(
  place: CachePlace,
  { registry }: Pick<EngineParts, 'registry'>,
  platform: Platform,
): Promise<OpenCache> {
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
  const cache = openRegistryCache({ client: await registry(), reference, platform })
  return {
    ...owned(cache),
    source: { registry: reference.registry, repository: reference.repository },
    inline: async (options) => {
      const found = await cache.getInline(options)
      if (found === undefined) return undefined
      const { record, manifest, diffIds } = found
      const pairs = diffIds.flatMap((diffId, index) => {
        const blob = manifest.layers[index]
        return blob === undefined ? [] : [[diffId as DiffID, blob] as const]
      })
      return { bytes: record, blobs: new Map(pairs) }
    },
  }
}

function owned(backend: CacheBackend): OpenCache {
  return { backend, [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose]() }
}
