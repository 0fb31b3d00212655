import { statfs } from 'node:fs/promises'
import type { CacheRecord, DiffID, SnapshotName } from '@tsbuild/spec'
import type { Cache, CacheEntry, CacheFilter, PruneCacheOptions, PrunedCache } from '../api/cache.js'
import type { EngineParts } from '../engine-parts.js'
import { collectLeftovers, freeUnreached } from '../images/free-unreached.js'
import type { Track } from '../images/images.js'
import { layerFromValue } from '../ops/layers.js'
import { CacheMounts } from './cache-mounts.js'
import { keepBytes } from './keep-bytes.js'

interface Kept {
  readonly entry: CacheEntry
  /** Absent for folders of cache mounts. */
  readonly record?: CacheRecord
}

/** The cache facade over records, layers and folders of cache mounts. */
export class CacheCatalog implements Cache {
  readonly #parts: EngineParts
  readonly #run: Track

  constructor(parts: EngineParts, run: Track) {
    this.#parts = parts
    this.#run = run
  }

  async list(filter: CacheFilter = {}): Promise<CacheEntry[]> {
    return await this.#run(async () => {
      const kept = await this.#kept()
      return kept
        .map(({ entry }) => entry)
        .filter((entry) => meets(entry, filter))
        .reverse()
    })
  }

  async prune(options: PruneCacheOptions = {}): Promise<PrunedCache> {
    return await this.#run(() => this.#prune(options))
  }

  /** Least recently used first; of those used at one time the newest, since it was made on the others. */
  async #kept(): Promise<Kept[]> {
    const { store, useLog, cacheMounts } = this.#parts
    const { named, leased } = await store.uses()
    const kept: Kept[] = []
    for await (const record of store.records()) {
      const layer = layerFromValue(record.value)
      const use = useLog.get(record.resultId)
      const entry: CacheEntry = {
        id: record.resultId,
        type: 'regular',
        description: record.name ?? record.step,
        sizeBytes: layer === undefined ? 0 : record.sizeBytes,
        shared: layer === undefined || named.has(layer),
        inUse: layer !== undefined && leased.has(layer),
        createdAt: record.createdAt,
        lastUsedAt: use?.at ?? record.createdAt,
        usageCount: use?.count ?? 0,
        parents: record.madeOn,
      }
      kept.push({ entry, record })
    }
    for (const { name, id, sizeBytes, createdAt } of await cacheMounts.list()) {
      const use = useLog.get(name)
      const entry: CacheEntry = {
        id: name,
        type: 'exec.cachemount',
        description: id === '' ? 'cache mount' : `cache mount ${id}`,
        sizeBytes,
        shared: false,
        inUse: leased.has(CacheMounts.leaseName(name)),
        createdAt,
        lastUsedAt: use?.at ?? createdAt,
        usageCount: use?.count ?? 0,
        parents: [],
      }
      kept.push({ entry })
    }
    const used = lastUses(kept)
    const usedAt = ({ entry }: Kept) => used.get(entry.id) ?? 0
    return kept.sort((a, b) => usedAt(a) - usedAt(b) || b.entry.createdAt - a.entry.createdAt)
  }

  async #prune(options: PruneCacheOptions): Promise<PrunedCache> {
    const { all = false, filter = {}, signal } = options
    const kept = await this.#kept()
    const candidates = kept.filter(({ entry }) => !entry.inUse && (all || !entry.shared) && meets(entry, filter))
    const chosen = withDependents(kept, await this.#limit(options, kept, candidates))
    signal?.throwIfAborted()
    return await this.#remove(chosen, options)
  }

  /** As many of the candidates as have to go. */
  async #limit(options: PruneCacheOptions, kept: readonly Kept[], candidates: readonly Kept[]): Promise<Kept[]> {
    const { bavail, bsize } = await statfs(this.#parts.root)
    let used = kept.reduce((sum, { entry }) => sum + ownBytes(entry), 0)
    const keep = keepBytes(options, used, bavail * bsize)
    const out: Kept[] = []
    for (const candidate of candidates) {
      if (used <= keep && keep > 0) break
      used -= ownBytes(candidate.entry)
      out.push(candidate)
    }
    return out
  }

  async #remove(chosen: readonly Kept[], { signal }: PruneCacheOptions): Promise<PrunedCache> {
    const { store, cacheMounts, useLog, beforeWrite } = this.#parts
    await beforeWrite()
    const call = signal === undefined ? {} : { signal }
    const records = chosen.flatMap(({ record }) => record ?? [])
    await store.dropRecords(records, 'pruned')
    const { bytes } = await freeUnreached(this.#parts, { names: this.#resources(records), chains: new Map() }, call)
    let reclaimedBytes = bytes
    const entries: CacheEntry[] = []
    for (const { entry, record } of chosen) {
      if (record === undefined) {
        if (!(await cacheMounts.remove(entry.id))) continue
        reclaimedBytes += entry.sizeBytes
      }
      entries.push(entry)
    }
    const gone = new Set(entries.map(({ id }) => id))
    await useLog.forget((id) => !gone.has(id))
    return { entries, reclaimedBytes: reclaimedBytes + (await collectLeftovers(this.#parts, call)) }
  }

  /** Layers of these records, their digests, and the forms in which they were sent or received. */
  #resources(records: readonly CacheRecord[]): ReadonlySet<string> {
    const { tables } = this.#parts
    const names = new Set<string>()
    const add = (layer: SnapshotName, diffId: DiffID | undefined) => {
      names.add(layer)
      if (diffId === undefined) return
      names.add(diffId)
      for (const { digest } of tables.blobs(diffId)) names.add(digest)
    }
    for (const { value } of records) {
      const layer = layerFromValue(value)
      if (layer !== undefined) add(layer, tables.get(layer)?.diffId)
    }
    return names
  }
}

/** When each entry, or something that was made on it, was last used. */
function lastUses(kept: readonly Kept[]): ReadonlyMap<string, number> {
  const used = new Map<string, number>()
  // The newest first: nothing is older than what it was made on.
  for (const { entry } of [...kept].sort((a, b) => b.entry.createdAt - a.entry.createdAt)) {
    const at = Math.max(entry.lastUsedAt, used.get(entry.id) ?? 0)
    for (const id of [entry.id, ...entry.parents]) used.set(id, Math.max(at, used.get(id) ?? 0))
  }
  return used
}

function ownBytes({ shared, sizeBytes }: CacheEntry): number {
  return shared ? 0 : sizeBytes
}

/** What was made on something that goes is of no use any more, and goes first. */
function withDependents(kept: readonly Kept[], chosen: readonly Kept[]): Kept[] {
  const byParent = new Map<string, Kept[]>()
  for (const one of kept) {
    for (const parent of one.entry.parents) byParent.set(parent, [...(byParent.get(parent) ?? []), one])
  }
  const out = new Set<Kept>()
  const add = (one: Kept) => {
    if (out.has(one) || one.entry.inUse) return
    // A result without a layer of its own is named by its content: made again, it serves as well.
    const children =
      one.record !== undefined && layerFromValue(one.record.value) === undefined ? [] : byParent.get(one.entry.id)
    for (const child of children ?? []) add(child)
    out.add(one)
  }
  for (const one of chosen) add(one)
  return [...out]
}

function meets(entry: CacheEntry, filter: CacheFilter): boolean {
  const { id, type, description, inUse, shared, unusedSince } = filter
  return (
    (id === undefined || entry.id.startsWith(id)) &&
    (type === undefined || entry.type === type) &&
    (description === undefined || description.test(entry.description)) &&
    (inUse === undefined || entry.inUse === inUse) &&
    (shared === undefined || entry.shared === shared) &&
    (unusedSince === undefined || entry.lastUsedAt < unusedSince)
  )
}
