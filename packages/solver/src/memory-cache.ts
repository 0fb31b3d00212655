import type { CacheRecord, CacheStore } from '@tsbuild/spec'
import { sameIds } from './cache-key.js'

/** A cache store that lives as long as the process. */
export function createMemoryCache(): CacheStore {
  const byKey = new Map<string, CacheRecord[]>()
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
    async drop(record) {
      drop(record)
    },
  }
}

function listOf(map: Map<string, CacheRecord[]>, name: string): CacheRecord[] {
  const list = map.get(name) ?? []
  map.set(name, list)
  return list
}
