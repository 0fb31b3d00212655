import type { CacheRecord, CacheStore, Digest, MissCause } from '@tsbuild/spec'
import { cacheKeyOf, runIdOf, sameIds, uncachedKeyOf } from './cache-key.js'
import { InputGoneError } from './errors.js'
import { explainMiss } from './explain.js'
import { inOrder } from './graph.js'
import { type ImportedRecords, type KnownRecords, knownRecords } from './look-up.js'
import type { CacheKeyParts, KeyContext, Op, Result, Solved } from './op.js'
import type { Vertex } from './vertex.js'

/** `unknown`: it depends on what a step makes that has to run first. */
export type PredictedOutcome = 'hit' | 'miss' | 'unknown'

/** What a solve would do with one vertex. */
export interface Prediction<R extends Result> {
  readonly vertex: Vertex<R>
  readonly outcome: PredictedOutcome
  readonly miss?: MissCause
  /** A placeholder where it is not there. */
  readonly result: R
  /** For an unknown outcome: the step that it depends on. */
  readonly waitsFor?: Vertex<R>
  /** How long it took when it last ran. */
  readonly lastMs?: number
}

export interface PredictOptions<R extends Result> {
  readonly signal?: AbortSignal
  /** Stands for a result that is not there. */
  readonly placeholder: (id: string) => R
  /** Looked at where the cache has no record of a step. */
  readonly imported?: ImportedRecords | undefined
}

interface State<R extends Result> extends Prediction<R> {
  readonly parts?: CacheKeyParts
  readonly key?: Digest
  /** The result is there and can be read. */
  readonly whole: boolean
}

/** Tells what a solve would do, and runs nothing but steps that are never cached. */
export async function predict<R extends Result>(
  cache: CacheStore,
  targets: readonly Vertex<R>[],
  options: PredictOptions<R>,
): Promise<Prediction<R>[]> {
  const predictor = new Predictor(cache, options)
  const out: Prediction<R>[] = []
  for (const vertex of inOrder(targets)) out.push(await predictor.step(vertex))
  return out
}

class Predictor<R extends Result> {
  readonly #cache: KnownRecords
  readonly #signal: AbortSignal
  readonly #placeholder: (id: string) => R
  readonly #states = new Map<Digest, State<R>>()
  /** Ids of results that a run will make, and of those that a run may make. */
  readonly #fresh = new Set<string>()
  readonly #open = new Set<string>()
  /** Results of the runs that equal steps will share. */
  readonly #runs = new Map<Digest, R>()

  constructor(cache: CacheStore, { signal, placeholder, imported }: PredictOptions<R>) {
    this.#cache = knownRecords({ cache, imported })
    this.#signal = signal ?? new AbortController().signal
    this.#placeholder = placeholder
  }

  async step(vertex: Vertex<R>): Promise<State<R>> {
    this.#signal.throwIfAborted()
    const state = await this.#predict(
      vertex,
      vertex.inputs.map((input) => this.#states.get(input.digest)!),
    )
    this.#states.set(vertex.digest, state)
    return state
  }

  async #predict(vertex: Vertex<R>, inputs: readonly State<R>[]): Promise<State<R>> {
    const { op, ignoreCache } = vertex
    const reads = op.keyReads ?? inputs.map((_, index) => index)
    const unread = inputs.find((input, index) => reads.includes(index) && !input.whole)
    const keyed = inputs.flatMap(({ result, key }) => (key === undefined ? [] : [{ result, key }]))
    if (unread !== undefined || keyed.length < inputs.length) {
      const base = inputs.find((input, index) => !reads.includes(index) && this.#fresh.has(input.result.id))
      if (ignoreCache || base !== undefined) return await this.#miss(vertex)
      return this.#unknown(vertex, unread ?? inputs.find(({ key }) => key === undefined))
    }
    const parts = await keyOf(op, { inputs: keyed, signal: this.#signal })
    // It would have to fetch files.
    if (parts === 'elsewhere') return this.#unknown(vertex, inputs[reads[0] ?? 0])
    if (parts === undefined) return await this.#uncached(vertex, inputs, keyed)
    const key = cacheKeyOf(op, parts)
    const runId = runIdOf(key, parts.madeOn)
    if (ignoreCache) return await this.#miss(vertex, { parts, key })
    const shared = this.#runs.get(runId)
    if (shared !== undefined) return { vertex, outcome: 'hit', key, parts, result: shared, whole: false }
    if (parts.madeOn.some((id) => this.#fresh.has(id))) return await this.#miss(vertex, { parts, key, runId, keyed })
    const records = this.#cache.lookup(key)
    const waits = inputs.find(({ result: { id } }) => this.#open.has(id) && parts.madeOn.includes(id))
    if (waits !== undefined && records.length > 0) return this.#unknown(vertex, waits, { parts, key })
    return await this.#lookUp(vertex, inputs, { parts, key, runId, keyed, records })
  }

  async #lookUp(
    vertex: Vertex<R>,
    inputs: readonly State<R>[],
    known: Known<R> & { readonly records: readonly CacheRecord[] },
  ): Promise<State<R>> {
    const { parts, key, keyed = [], records } = known
    const own = records.filter((record) => sameIds(record.madeOn, parts!.madeOn))
    for (const record of own) {
      const result = await vertex.op.load(record.value, keyed, record)
      if (result === undefined) continue
      const whole = inputs.every((input) => input.whole)
      const more = { ...(key === undefined ? {} : { key }), ...(parts === undefined ? {} : { parts }) }
      return { vertex, outcome: 'hit', ...more, result, whole, lastMs: record.durationMs }
    }
    return await this.#miss(vertex, own.length > 0 ? { ...known, gone: true } : known)
  }

  async #miss(vertex: Vertex<R>, known: Known<R> = {}): Promise<State<R>> {
    const { key, parts, runId, keyed, gone } = known
    const { op, ignoreCache } = vertex
    const outcomeOf = (input: Vertex<R>) => this.#states.get(input.digest)
    const more = { ...(key === undefined ? {} : { key }), ...(parts === undefined ? {} : { parts }) }
    const explain = (): MissCause => {
      if (ignoreCache) return { kind: 'noCache' }
      return gone ? { kind: 'gone' } : explainMiss(this.#cache, { vertex, outcomeOf, ...more })()
    }
    let miss = explain()
    if (miss.kind === 'content' && keyed !== undefined && op.lookCloser !== undefined) {
      await op.lookCloser({ inputs: keyed, signal: this.#signal })
      miss = explain()
    }
    const result = this.#placeholder(op.resultId ?? `run ${vertex.digest}`)
    if (op.resultId === undefined) this.#fresh.add(result.id)
    if (runId !== undefined) this.#runs.set(runId, result)
    return { vertex, outcome: 'miss', miss, ...more, result, whole: false, ...this.#last(vertex) }
  }

  #unknown(vertex: Vertex<R>, waits: State<R> | undefined, known: Known<R> = {}): State<R> {
    const { key, parts } = known
    const result = this.#placeholder(`perhaps ${vertex.digest}`)
    this.#open.add(result.id)
    return {
      vertex,
      outcome: 'unknown',
      ...(waits === undefined ? {} : { waitsFor: waits.waitsFor ?? waits.vertex }),
      ...(key === undefined ? {} : { key }),
      ...(parts === undefined ? {} : { parts }),
      result,
      whole: false,
      ...this.#last(vertex),
    }
  }

  /** A step that is never cached is run where all that it takes is there. */
  async #uncached(vertex: Vertex<R>, inputs: readonly State<R>[], keyed: readonly Solved<R>[]): Promise<State<R>> {
    const key = uncachedKeyOf(vertex.op, keyed)
    const missing = inputs.find(({ whole }) => !whole)
    if (missing === undefined) {
      const quiet = { log() {}, progress() {}, warn() {} }
      const { result } = await vertex.op.run({ inputs: keyed, signal: this.#signal, ...quiet })
      return { vertex, outcome: 'hit', key, result, whole: true }
    }
    const open = inputs.find(({ result }) => this.#open.has(result.id))
    if (open !== undefined && !inputs.some(({ result }) => this.#fresh.has(result.id))) {
      return { ...this.#unknown(vertex, open), key }
    }
    const result = this.#placeholder(`run ${vertex.digest}`)
    this.#fresh.add(result.id)
    return { vertex, outcome: 'miss', key, result, whole: false }
  }

  #last({ op, step }: Vertex<R>): { readonly lastMs?: number } {
    const record = this.#cache.nearest(step).find(({ kind }) => kind === op.kind)
    return record === undefined ? {} : { lastMs: record.durationMs }
  }
}

async function keyOf<R extends Result>(
  op: Op<R>,
  context: KeyContext<R>,
): Promise<CacheKeyParts | undefined | 'elsewhere'> {
  try {
    return await op.cacheKey(context)
  } catch (error) {
    if (error instanceof InputGoneError) return 'elsewhere'
    throw error
  }
}

interface Known<R extends Result> {
  readonly parts?: CacheKeyParts
  readonly key?: Digest
  readonly runId?: Digest
  readonly keyed?: readonly Solved<R>[]
  readonly gone?: boolean
}
