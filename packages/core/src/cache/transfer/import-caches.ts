import type { CallOptions, OnBuildEvent, Platform } from '@tsbuild/spec'
import type { CacheSource } from '../../api.js'
import { outputStep } from '../../build/output-step.js'
import { type ReadRecordOptions, readCacheRecord } from '../../cache-record.js'
import type { EngineParts } from '../../engine-parts.js'
import { readMountExports } from '../mounts/index.js'
import type { CacheDocument } from './cache-document.js'
import type { ImportedCache } from './imported-cache.js'
import type { MountTravel } from './mount-travel.js'
import { type InlineRecord, type OpenCache, openCache } from './open-cache.js'
import { waitFor } from './wait-for.js'

export interface ImportRequest extends CallOptions {
  readonly sources: readonly CacheSource[]
  /** That are built. */
  readonly platforms: readonly Platform[]
  readonly emit: OnBuildEvent
  readonly warn: (message: string) => void
}

/** Reads what caches elsewhere say, side by side. One that can't be read is told of and left out.
 * @throws {SpecError} `REFERENCE_INVALID`, {RemoteCacheError} `CACHE_OPTION_INVALID` */
export async function importCaches(
  parts: EngineParts,
  { imported, mounts }: { readonly imported: ImportedCache; readonly mounts: MountTravel | undefined },
  { sources, platforms, emit, warn, signal }: ImportRequest,
): Promise<AsyncDisposable> {
  signal?.throwIfAborted()
  const { workerDir } = parts.options
  const call = { ...(signal === undefined ? {} : { signal }), workerDir }
  const caches: OpenCache[] = []
  try {
    for (const source of sources) caches.push(await openCache(source, parts))
    const records = await Promise.all(
      caches.map((cache) => {
        const name = `importing cache from ${cache.backend.title}`
        const read = async (_: unknown, say: (line: string) => void) => {
          const records = await readRecords(cache, platforms, call)
          if (records.length === 0) say('there is no cache yet')
          return records
        }
        return outputStep(emit, name, read, signal).catch((error) => {
          signal?.throwIfAborted()
          warn(`Cannot import a cache: ${(error as Error).message}`)
          return []
        })
      }),
    )
    // In the order in which they were given: the first one's records are found first.
    for (const [index, cache] of caches.entries()) {
      for (const { document, blobs } of records[index] ?? []) {
        signal?.throwIfAborted()
        try {
          await imported.add(document, { backend: cache.backend, source: cache.source, blobs })
        } catch (error) {
          warn(`Cannot import cache ${cache.backend.title}: ${(error as Error).message}`)
          continue
        }
        if (mounts !== undefined) addMounts(mounts, document, cache, warn)
      }
    }
  } catch (error) {
    await closeAll(caches)
    throw error
  }
  return { [Symbol.asyncDispose]: () => closeAll(caches) }
}

/** What a cache says; an image of several platforms has a cache for each. */
async function readRecords(
  { backend, inline }: OpenCache,
  platforms: readonly Platform[],
  options: ReadRecordOptions,
): Promise<{ readonly document: CacheDocument; readonly blobs?: InlineRecord['blobs'] }[]> {
  const { signal } = options
  const call = signal === undefined ? {} : { signal }
  const bytes = await waitFor(backend.getRecord(call), signal)
  if (bytes !== undefined) return [{ document: await readCacheRecord(bytes, options) }]
  const found = inline === undefined ? [] : await waitFor(inline(platforms, call), signal)
  return await Promise.all(
    found.map(async (one) => ({ document: await readCacheRecord(one.bytes, options), blobs: one.blobs })),
  )
}

/** Steps are taken from a cache also where what it says of mounts is of no use. */
function addMounts(
  travel: MountTravel,
  { mounts }: CacheDocument,
  { backend }: OpenCache,
  warn: (message: string) => void,
): void {
  try {
    travel.add(readMountExports(mounts), backend)
  } catch (error) {
    warn(`Cannot import the cache mounts of ${backend.title}: ${(error as Error).message}`)
  }
}

async function closeAll(caches: readonly OpenCache[]): Promise<void> {
  for (const cache of caches) await cache[Symbol.asyncDispose]()
}
