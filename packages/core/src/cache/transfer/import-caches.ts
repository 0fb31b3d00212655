import type { CallOptions, OnBuildEvent, Platform } from '@tsbuild/spec'
import type { CacheSource } from '../../api.js'
import { outputStep } from '../../build/output-step.js'
import type { EngineParts } from '../../engine-parts.js'
import { readMountExports } from '../mounts/index.js'
import { readCacheDocument } from './cache-document.js'
import type { ImportedCache } from './imported-cache.js'
import type { MountTravel } from './mount-travel.js'
import { type OpenCache, openCache } from './open-cache.js'

export interface ImportRequest extends CallOptions {
  readonly sources: readonly CacheSource[]
  readonly platform: Platform
  readonly emit: OnBuildEvent
  readonly warn: (message: string) => void
}

/** Reads what caches elsewhere say, side by side. One that can't be read is told of and left out.
 * @throws {SpecError} `REFERENCE_INVALID`, {RemoteCacheError} `CACHE_OPTION_INVALID` */
export async function importCaches(
  parts: EngineParts,
  { imported, mounts }: { readonly imported: ImportedCache; readonly mounts: MountTravel | undefined },
  { sources, platform, emit, warn, signal }: ImportRequest,
): Promise<AsyncDisposable> {
  const call = signal === undefined ? {} : { signal }
  const caches: OpenCache[] = []
  try {
    for (const source of sources) caches.push(await openCache(source, parts, platform))
    const records = await Promise.all(
      caches.map((cache) => {
        const name = `importing cache from ${cache.backend.title}`
        return outputStep(emit, name, async (_, say) => {
          const record = await readRecord(cache, call)
          if (record === undefined) say('there is no cache yet')
          return record
        }).catch((error) => {
          signal?.throwIfAborted()
          warn(`Cannot import a cache: ${(error as Error).message}`)
          return undefined
        })
      }),
    )
    // In the order in which they were given: the first one's records are found first.
    for (const [index, record] of records.entries()) {
      const cache = caches[index]
      if (record === undefined || cache === undefined) continue
      try {
        imported.add(record.document, { backend: cache.backend, source: cache.source, blobs: record.blobs })
        mounts?.add(readMountExports(record.document.mounts), cache.backend)
      } catch (error) {
        warn(`Cannot import cache ${cache.backend.title}: ${(error as Error).message}`)
      }
    }
  } catch (error) {
    await closeAll(caches)
    throw error
  }
  return { [Symbol.asyncDispose]: () => closeAll(caches) }
}

async function readRecord({ backend, inline }: OpenCache, call: CallOptions) {
  const bytes = await backend.getRecord(call)
  if (bytes !== undefined) return { document: readCacheDocument(bytes), blobs: undefined }
  const found = await inline?.(call)
  return found === undefined ? undefined : { document: readCacheDocument(found.bytes), blobs: found.blobs }
}

async function closeAll(caches: readonly OpenCache[]): Promise<void> {
  for (const cache of caches) await cache[Symbol.asyncDispose]()
}
