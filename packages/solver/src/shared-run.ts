import { setMaxListeners } from 'node:events'
import type { CacheRecord, Digest } from '@tsbuild/spec'
import { cacheKeyOf, runIdOf, toRecordValue } from './cache-key.js'
import { lookUp } from './look-up.js'
import type { CacheKeyParts, Result, RunContext, RunOutput, Solved } from './op.js'
import { queued } from './queued.js'
import type { StepReporter } from './reporter.js'
import type { SolverState } from './state.js'
import type { Vertex } from './vertex.js'

export interface RunRequest<R extends Result> {
  readonly vertex: Vertex<R>
  readonly inputs: readonly Solved<R>[]
  readonly key: Digest
  readonly parts: CacheKeyParts
}

export interface Finished<R extends Result> {
  readonly solved: Solved<R>
  readonly durationMs: number
  readonly sizeBytes: number
  readonly record: CacheRecord
  /** Another process had made it by the time its lock was ours. */
  readonly found: boolean
}

/** One run of an op, for all who wait for it: lock → look again → wait for a slot → run → remember. */
export class SharedRun<R extends Result> {
  /** Settles when nothing of it goes on any more, the record is saved and the lock given back. */
  readonly ended: Promise<void>
  readonly #finished: Promise<Finished<R>>
  readonly #abort = new AbortController()
  readonly #waiting = new Set<StepReporter<R>>()
  #started = false
  #starter: StepReporter<R> | undefined
  #starterLeft = false

  constructor(state: SolverState<R>, request: RunRequest<R>) {
    setMaxListeners(0, this.#abort.signal)
    let finish!: (value: Finished<R>) => void
    let fail!: (error: unknown) => void
    this.#finished = new Promise((resolve, reject) => {
      finish = resolve
      fail = reject
    })
    this.ended = this.#carryOut(state, request, finish)
    this.ended.catch(fail)
    this.#finished.catch(() => {})
  }

  /** Nobody waits for it any more, and it is about to end. */
  get aborted(): boolean {
    return this.#abort.signal.aborted
  }

  /** Whether the solve that began it was aborted: what that one had open (its context, its sockets) may be gone. */
  get starterLeft(): boolean {
    return this.#starterLeft
  }

  /** Waits for the result, which may come before the record is saved. When `signal` aborts, it rejects with the reason: at once where
   * others wait too, else after the run has ended. */
  async join(reporter: StepReporter<R>, signal: AbortSignal): Promise<Finished<R>> {
    signal.throwIfAborted()
    this.#starter ??= reporter
    this.#waiting.add(reporter)
    if (this.#started) reporter.started()
    let leave!: () => void
    const left = new Promise<undefined>((resolve) => {
      leave = () => resolve(undefined)
      signal.addEventListener('abort', leave, { once: true })
    })
    try {
      const finished = await Promise.race([this.#finished, left])
      if (finished !== undefined) return finished
      this.#waiting.delete(reporter)
      if (reporter === this.#starter) this.#starterLeft = true
      if (this.#waiting.size === 0) {
        this.#abort.abort(signal.reason)
        await this.ended.catch(() => {})
      }
      throw signal.reason
    } finally {
      signal.removeEventListener('abort', leave)
      this.#waiting.delete(reporter)
    }
  }

  async #carryOut(state: SolverState<R>, request: RunRequest<R>, finish: (value: Finished<R>) => void): Promise<void> {
    const { vertex, inputs, key, parts } = request
    const { signal } = this.#abort
    // Lets who started it join first, or the op's first words would reach nobody.
    await undefined
    const shared = state.locks !== undefined && vertex.ignoreCache !== true
    await using _lock = shared ? await state.locks?.acquire(runIdOf(key, parts.madeOn), { signal }) : undefined
    if (shared) {
      const { hit } = await lookUp({ cache: state.cache }, { op: vertex.op, inputs, key, madeOn: parts.madeOn })
      if (hit !== undefined) {
        const { result, record } = hit
        return finish({ solved: { result, key }, durationMs: 0, sizeBytes: record.sizeBytes, record, found: true })
      }
    }
    const { output, durationMs } = await queued(state.queue, signal, () => this.#runOp(request))
    const record = recordOf(request, output, durationMs)
    const solved = { result: output.result, key: record.key }
    finish({ solved, durationMs, sizeBytes: record.sizeBytes, record, found: false })
    await state.cache.save(record)
  }

  async #runOp({ vertex, inputs, key }: RunRequest<R>): Promise<{ output: RunOutput<R>; durationMs: number }> {
    this.#started = true
    const each = (tell: (reporter: StepReporter<R>) => void) => this.#waiting.forEach(tell)
    each((reporter) => reporter.started())
    const context: RunContext<R> = {
      inputs,
      key,
      signal: this.#abort.signal,
      log: (stream, chunk) => each((reporter) => reporter.log(stream, chunk)),
      progress: (...args) => each((reporter) => reporter.progress(...args)),
      warn: (message) => each((reporter) => reporter.warn(message)),
    }
    const begin = performance.now()
    const output = await vertex.op.run(context)
    return { output, durationMs: performance.now() - begin }
  }
}

function recordOf<R extends Result>(request: RunRequest<R>, output: RunOutput<R>, durationMs: number): CacheRecord {
  const { vertex } = request
  const { inputs, madeOn } = output.keyParts ?? request.parts
  return {
    key: output.keyParts === undefined ? request.key : cacheKeyOf(vertex.op, output.keyParts),
    step: vertex.step,
    kind: vertex.op.kind,
    name: vertex.name,
    ...(vertex.op.facts === undefined ? {} : { facts: vertex.op.facts }),
    inputs: inputs.map(({ name, value }) => ({ name, value: toRecordValue(value) })),
    madeOn,
    resultId: output.result.id,
    value: output.value,
    createdAt: Date.now(),
    durationMs,
    sizeBytes: output.sizeBytes ?? 0,
  }
}
