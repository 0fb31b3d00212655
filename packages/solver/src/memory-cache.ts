import type { CacheRecord, CacheStore, CacheTombstone } from '@tsbuild/spec'
import { sameIds } from './cache-key.js'

/** A cache store that lives as long as the process. */
export function createMemoryCache(): CacheStore {
  const byKey = new Map<string, CacheRecord[]>()
  const tombstones = new Map<string, CacheTombstone>()
  const byStep = new Map<string, CacheRecord[]>()
  const lists = (record: CacheRecord) => [listOf(byKey, record.key), listOf(byStep, record.step)]
  const drop = (record: CacheRecord) => {
    for (const list of lists(record)) {
      const index = list.findIndex((other) => other.resultId === record.resultId && other.key === record.key)
      if (index >= 0) list.splice(index, 1)
    }
  }
  return {
    lookup: (key) => byKey.get(key) ?? [],
    nearest: (step) => byStep.get(step) ?? [],
    async save(record) {
      const old = byKey.get(record.key)?.find((other) => sameIds(other.madeOn, record.madeOn))
      if (old !== undefined) drop(old)
      for (const list of lists(record)) list.unshift(record)
    },
    async drop(record, reason = 'result was removed') {
      drop(record)
      const { step, key } = record
      tombstones.set(key, { step, key, at: Date.now(), reason })
    },
    tombstone: (key) => tombstones.get(key),
  }
}

function listOf(map: Map<string, CacheRecord[]>, name: string): CacheRecord[] {
  const list = map.get(name) ?? []
  map.set(name, list)
  return list
}
