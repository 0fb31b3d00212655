import type { CanonicalValue } from './canonical.js'
import type { Digest } from './digest.js'
import type { JsonValue } from './json.js'
import type { CacheTombstone } from './miss.js'

/** One input of a step as the cache key has it: kept with the record, so that a miss can be explained. */
export interface NamedInput {
  /** e.g. `base`, `COPY package.json`, `arg VERSION`, `user`. Unique within a step. */
  readonly name: string
  /** What enters the key. Never a secret. */
  readonly value: CanonicalValue
}

/** What is remembered of a step that ran. */
export interface CacheRecord {
  readonly key: Digest
  /** Names the same step across edits (e.g. `build#3 COPY`): where to look for the nearest record when explaining a miss. */
  readonly step: string
  readonly kind: string
  /** The named inputs; bytes and bigint are kept as `hex:` / decimal strings. */
  readonly inputs: readonly { readonly name: string; readonly value: JsonValue }[]
  /** The step as progress shows it. */
  readonly name?: string
  /** What the op told for explanations; not in the key. */
  readonly facts?: JsonValue
  /** The ids of the very results that it was made on; a hit needs all of them equal. */
  readonly madeOn: readonly string[]
  /** Id of the result itself, new for each run. */
  readonly resultId: string
  /** What the op needs to get its result back (layer names, digests). */
  readonly value: JsonValue
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  readonly durationMs: number
  readonly sizeBytes: number
}

/** Remembers records. Lookups are synchronous and cheap; several processes may use one store. */
export interface CacheStore {
  /** Records with this key, newest first. */
  lookup(key: Digest): readonly CacheRecord[]
  /** Adds a record; an older one with the same key and the same `madeOn` is replaced. Resolves when other processes see it. */
  save(record: CacheRecord): Promise<void>
  /** Drops a record; what is gone for which reason is remembered for a while, see {@link CacheStore.tombstone}.
   *  @param reason default: `result was removed` */
  drop(record: CacheRecord, reason?: string): Promise<void>
  /** When and why the last record of this key went, as far as that is remembered. */
  tombstone(key: Digest): CacheTombstone | undefined
  /** The newest records of a step, newest first: for explanations. */
  nearest(step: string): readonly CacheRecord[]
}
