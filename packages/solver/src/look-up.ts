import type { CacheRecord, CacheStore, Digest } from '@tsbuild/spec'
import { sameIds } from './cache-key.js'
import { isPromise, type MaybePromise } from './maybe-promise.js'
import type { Op, Result, Solved } from './op.js'

/** Records that came from elsewhere, for one solve: asked where the cache itself has none. */
export interface ImportedRecords {
  /** Records with this key. Synchronous and cheap. */
  lookup(key: Digest): readonly CacheRecord[]
  /** The records of a step, for explanations. */
  nearest(step: string): readonly CacheRecord[]
}

/** What explanations look at. */
export type KnownRecords = Pick<CacheStore, 'lookup' | 'tombstone' | 'nearest'>

/** Where a step's result is looked for. */
export interface LookupPlaces {
  readonly cache: CacheStore
  readonly imported?: ImportedRecords | undefined
}

/** The records of all places; of one step those of the cache, if it has any. */
export function knownRecords({ cache, imported }: LookupPlaces): KnownRecords {
  if (imported === undefined) return cache
  return {
    lookup: (key) => [...cache.lookup(key), ...imported.lookup(key)],
    tombstone: (key) => cache.tombstone(key),
    nearest: (step) => {
      const own = cache.nearest(step)
      return own.length > 0 ? own : imported.nearest(step)
    },
  }
}

/** A step as the cache sees it: its op on solved inputs, under a key. */
export interface Lookup<R extends Result> {
  readonly op: Op<R>
  readonly inputs: readonly Solved<R>[]
  readonly key: Digest
  readonly madeOn: readonly string[]
}

export interface Hit<R extends Result> {
  readonly result: R
  readonly record: CacheRecord
  readonly from: 'local' | 'imported'
}

export interface Found<R extends Result> {
  readonly hit?: Hit<R>
  /** There was a record, but its result could not be had any more. */
  readonly gone: boolean
}

/** Looks for a remembered result made on the very same results; records of the cache whose result is gone are dropped on the way. */
export function lookUp<R extends Result>(places: LookupPlaces, step: Lookup<R>): MaybePromise<Found<R>> {
  const candidates = candidatesOf(places, step)
  const first = candidates[0]
  if (first === undefined) return { gone: false }
  const loaded = step.op.load(first.record.value, step.inputs, first.record)
  if (loaded !== undefined && !isPromise(loaded)) return { hit: { result: loaded, ...first }, gone: false }
  return search(places.cache, step, candidates, loaded)
}

type Candidate = Omit<Hit<Result>, 'result'>

function candidatesOf<R extends Result>({ cache, imported }: LookupPlaces, { key, madeOn }: Lookup<R>): Candidate[] {
  const local = cache.lookup(key).map((record) => ({ record, from: 'local' as const }))
  const others = imported?.lookup(key).map((record) => ({ record, from: 'imported' as const })) ?? []
  return [...local, ...others].filter(({ record }) => sameIds(record.madeOn, madeOn))
}

async function search<R extends Result>(
  cache: CacheStore,
  { op, inputs }: Lookup<R>,
  candidates: readonly Candidate[],
  first: MaybePromise<R | undefined>,
): Promise<Found<R>> {
  let gone = false
  for (const [index, candidate] of candidates.entries()) {
    const { record, from } = candidate
    const result = await (index === 0 ? first : op.load(record.value, inputs, record))
    if (result !== undefined) return { hit: { result, ...candidate }, gone: false }
    gone = true
    if (from === 'local') await cache.drop(record)
  }
  return { gone }
}
