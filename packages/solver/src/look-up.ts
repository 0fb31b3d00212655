import type { CacheRecord, CacheStore, Digest } from '@tsbuild/spec'
import { sameIds } from './cache-key.js'
import { isPromise, type MaybePromise } from './maybe-promise.js'
import type { Op, Result, Solved } from './op.js'

/** A step as the cache sees it: its op on solved inputs, under a key. */
export interface Lookup<R extends Result> {
  readonly op: Op<R>
  readonly inputs: readonly Solved<R>[]
  readonly key: Digest
  readonly madeOn: readonly string[]
}

export interface Found<R extends Result> {
  readonly hit?: { readonly result: R; readonly record: CacheRecord }
  /** There was a record, but its result could not be had any more. */
  readonly gone: boolean
}

/** Looks for a remembered result made on the very same results; records whose result is gone are dropped on the way. */
export function lookUp<R extends Result>(cache: CacheStore, step: Lookup<R>): MaybePromise<Found<R>> {
  const records = cache.lookup(step.key).filter((record) => sameIds(record.madeOn, step.madeOn))
  const first = records[0]
  if (first === undefined) return { gone: false }
  const loaded = step.op.load(first.value, step.inputs, first)
  if (loaded !== undefined && !isPromise(loaded)) return { hit: { result: loaded, record: first }, gone: false }
  return search(cache, step, records, loaded)
}

async function search<R extends Result>(
  cache: CacheStore,
  { op, inputs }: Lookup<R>,
  records: readonly CacheRecord[],
  first: MaybePromise<R | undefined>,
): Promise<Found<R>> {
  for (const [index, record] of records.entries()) {
    const result = await (index === 0 ? first : op.load(record.value, inputs, record))
    if (result !== undefined) return { hit: { result, record }, gone: false }
    await cache.drop(record)
  }
  return { gone: true }
}
