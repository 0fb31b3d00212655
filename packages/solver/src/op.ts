import type { CacheRecord, CanonicalValue, Digest, JsonValue, MissCause, NamedInput } from '@tsbuild/spec'

/** What a step makes. Ops add members; `id` names this very result and is new for each run. */
export interface Result {
  readonly id: string
}

/** A result and the cache key of the step that made it: equal keys mean results that serve equally well. */
export interface Solved<R extends Result> {
  readonly result: R
  readonly key: Digest
}

export interface KeyContext<R extends Result> {
  /** In the order of the vertex's inputs. */
  readonly inputs: readonly Solved<R>[]
  readonly signal: AbortSignal
}

/** What the cache key of a step is made of, besides the op's kind and attributes. */
export interface CacheKeyParts {
  readonly inputs: readonly NamedInput[]
  /** Ids of the results that a record must have been made on to be a hit. */
  readonly madeOn: readonly string[]
}

export interface RunContext<R extends Result> {
  readonly inputs: readonly Solved<R>[]
  /** Aborted when nobody waits for the step any more; `run` ends all that it started before it rejects. */
  readonly signal: AbortSignal
  /** The key that was looked up; absent for ops that are never cached. */
  readonly key?: Digest
  log(stream: 'stdout' | 'stderr', chunk: Uint8Array): void
  /** Tells how far a part of the step is, in bytes. */
  progress(item: string, bytes: number, total?: number, done?: boolean): void
  warn(message: string): void
}

export interface RunOutput<R extends Result> {
  readonly result: R
  /** What {@link Op.load} needs to get the result back. */
  readonly value: JsonValue
  readonly sizeBytes?: number
  /** Set when what was really used differs from what the key said; the record is then kept under the key of these. */
  readonly keyParts?: CacheKeyParts
}

/** A named input that differs from a record's. */
export interface Difference {
  readonly name: string
  /** As the record has it; absent where the input is new. */
  readonly before?: JsonValue
  /** Absent where the input is no more. */
  readonly after?: JsonValue
  readonly record: CacheRecord
}

/** Answers how a step is cached and how it is run.
 *
 * For each vertex, once its inputs are there: `cacheKey` → for each record with that key and the same `madeOn`, `load` →
 * when none gives a result, `run`. What `cacheKey`, `load` and `run` return without a promise keeps the solver synchronous. */
export interface Op<R extends Result> {
  /** Name of the kind of operation, e.g. `exec`; part of the vertex digest and of the cache key. */
  readonly kind: string
  /** All that makes two ops of a kind different; part of the vertex digest and of the cache key. Never a secret. */
  readonly attributes: CanonicalValue
  /** Kept with the record for explanations; not in the key, and never a secret. */
  readonly facts?: JsonValue
  /** Id of the result, where that is known without a run. */
  readonly resultId?: string
  /** Which inputs' results `cacheKey` reads; of the others it takes the key and the id. Default: all. */
  readonly keyReads?: readonly number[]
  /** {@link Op.explain} can tell more once the step has run. */
  readonly explainsLate?: boolean
  /** Finds out what {@link Op.explain} would know after a run. */
  lookCloser?(context: KeyContext<R>): Promise<void>
  /** Puts a difference into the op's own terms; without it, or where it gives nothing, the input's name and values are told;
   * for an instruction without texts, those of the vertex and the record. */
  explain?(difference: Difference): MissCause | undefined
  /** The named inputs and the result ids that the step depends on; `undefined` for a step that is never cached: pure, cheap
   *  and run at once, whatever else is running. */
  cacheKey(context: KeyContext<R>): CacheKeyParts | undefined | Promise<CacheKeyParts | undefined>
  /** Gets an earlier result back; `undefined` when it is gone (the record is dropped and the step runs). */
  load(value: JsonValue, inputs: readonly Solved<R>[], record: CacheRecord): R | undefined | Promise<R | undefined>
  run(context: RunContext<R>): RunOutput<R> | Promise<RunOutput<R>>
}
