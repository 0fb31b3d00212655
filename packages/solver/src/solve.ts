import { setMaxListeners } from 'node:events'
import type { BuildEvent, Digest, MissCause } from '@tsbuild/spec'
import { cacheKeyOf, runIdOf, uncachedKeyOf } from './cache-key.js'
import { InputGoneError, SolveError } from './errors.js'
import { explainMiss, type Outcome as KnownOutcome } from './explain.js'
import { inOrder } from './graph.js'
import { knownRecords, type LookupPlaces, lookUp } from './look-up.js'
import { isPromise, type MaybePromise, then } from './maybe-promise.js'
import type { CacheKeyParts, Result, RunContext, Solved } from './op.js'
import { Redo } from './redo.js'
import { StepReporter } from './reporter.js'
import { type Finished, type RunRequest, SharedRun } from './shared-run.js'
import type { Solution, SolveOptions, StepReport } from './solution.js'
import type { SolverState } from './state.js'
import { type Step, solvedOf } from './step.js'
import type { Vertex } from './vertex.js'

/** What a step brings besides its vertex and result. */
type Outcome = Omit<StepReport<Result>, 'vertex' | 'solved'>

/** One call of `Solver.solve`. It ends by whatever comes first: all steps done, the first failure, or the caller's abort; the reason of
 * `#end` says which of the latter two. */
export class Solve<R extends Result> {
  readonly #state: SolverState<R>
  readonly #options: SolveOptions
  readonly #end = new AbortController()
  readonly #steps = new Map<Digest, Step<R>>()
  readonly #saves: Promise<void>[] = []
  readonly #redo: Redo<R>

  constructor(state: SolverState<R>, options: SolveOptions) {
    this.#state = state
    this.#options = options
    // Each step that waits listens to it.
    setMaxListeners(0, this.#end.signal)
    this.#redo = new Redo({
      signal: this.#end.signal,
      inputsOf: (step) => this.#inputsOf(step),
      solve: (step, inputs) => this.#solve(step, inputs),
      fail: (step, error) => this.#fail(step, error),
    })
  }

  async run(targets: readonly Vertex<R>[]): Promise<Solution<R>> {
    const { signal } = this.#options
    signal?.throwIfAborted()
    const onAbort = () => this.#end.abort(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      for (const vertex of inOrder(targets)) this.#add(vertex)
      const steps = [...this.#steps.values()]
      for (const step of steps) this.#begin(step)
      for (const step of steps) if (step.pending !== undefined) await step.pending
      for (let save = this.#saves.pop(); save !== undefined; save = this.#saves.pop()) await save
      for (const step of steps) if (step.report === undefined) step.reporter.canceled()
      this.#end.signal.throwIfAborted()
      const results = targets.map((target) => this.#steps.get(target.digest)!.report!.solved)
      return { results, steps: steps.map((step) => step.report!) }
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  get #places(): LookupPlaces {
    return { cache: this.#state.cache, imported: this.#options.imported }
  }

  #add(vertex: Vertex<R>): void {
    const emit = this.#options.onEvent === undefined ? undefined : (event: BuildEvent) => this.#emit(event)
    const reporter = new StepReporter(vertex, emit)
    this.#steps.set(vertex.digest, { vertex, reporter })
    reporter.added()
  }

  #emit(event: BuildEvent): void {
    try {
      this.#options.onEvent?.(event)
    } catch (error) {
      this.#end.abort(error)
    }
  }

  #begin(step: Step<R>): void {
    const inputs = this.#inputsOf(step)
    const waits = inputs.flatMap((input) => (input.report === undefined && input.pending ? [input.pending] : []))
    if (waits.length === 0) this.#attempt(step, inputs)
    else step.pending = Promise.all(waits).then(() => this.#attempt(step, inputs))
  }

  /** Solves a step whose inputs have ended; returns a promise only where the step did. */
  #attempt(step: Step<R>, inputs: readonly Step<R>[]): MaybePromise<void> {
    if (this.#end.signal.aborted || inputs.some((input) => input.report === undefined)) return
    const done = (report: StepReport<R>) => {
      step.report = report
    }
    const failed = (error: unknown) => {
      if (!(error instanceof InputGoneError) || this.#end.signal.aborted) return this.#fail(step, error)
      return this.#redo.again(step, inputs).then(done, (other) => this.#fail(step, other))
    }
    try {
      const report = this.#solve(step, solvedOf(inputs))
      if (!isPromise(report)) return done(report)
      const pending = report.then(done, failed)
      step.pending ??= pending
      return pending
    } catch (error) {
      this.#fail(step, error)
    }
  }

  #inputsOf({ vertex }: Step<R>): Step<R>[] {
    return vertex.inputs.map((input) => this.#steps.get(input.digest)!)
  }

  #fail(step: Step<R>, cause: unknown): void {
    if (this.#end.signal.aborted) step.reporter.canceled()
    else {
      step.reporter.failed(cause)
      this.#end.abort(new SolveError(step.vertex, { cause }))
    }
  }

  #solve(step: Step<R>, inputs: readonly Solved<R>[]): MaybePromise<StepReport<R>> {
    const parts = step.vertex.op.cacheKey({ inputs, signal: this.#end.signal })
    if (isPromise(parts)) step.reporter.started()
    return then(parts, (known) => {
      this.#end.signal.throwIfAborted()
      return known === undefined ? this.#runUncached(step, inputs) : this.#solveCached(step, inputs, known)
    })
  }

  #runUncached({ vertex, reporter }: Step<R>, inputs: readonly Solved<R>[]): MaybePromise<StepReport<R>> {
    reporter.started()
    const context: RunContext<R> = {
      inputs,
      signal: this.#end.signal,
      log: (stream, chunk) => reporter.log(stream, chunk),
      progress: (...args) => reporter.progress(...args),
      warn: (message) => reporter.warn(message),
    }
    const begin = performance.now()
    return then(vertex.op.run(context), ({ result, keyParts, sizeBytes = 0 }) => {
      const durationMs = performance.now() - begin
      reporter.completed(durationMs, sizeBytes)
      const key = keyParts === undefined ? uncachedKeyOf(vertex.op, inputs) : cacheKeyOf(vertex.op, keyParts)
      return report(vertex, { result, key }, { cached: false, durationMs, sizeBytes })
    })
  }

  #solveCached(step: Step<R>, inputs: readonly Solved<R>[], parts: CacheKeyParts): MaybePromise<StepReport<R>> {
    const { vertex, reporter } = step
    const key = cacheKeyOf(vertex.op, parts)
    step.parts = parts
    if (vertex.ignoreCache) return this.#join(step, inputs, parts, { kind: 'noCache' })
    return then(lookUp(this.#places, { op: vertex.op, inputs, key, madeOn: parts.madeOn }), ({ hit, gone }) => {
      this.#end.signal.throwIfAborted()
      if (hit === undefined) return this.#join(step, inputs, parts, gone ? { kind: 'gone' } : undefined)
      const { result, record, from } = hit
      reporter.cached(from)
      return report(vertex, { result, key }, { cached: true, durationMs: 0, sizeBytes: record.sizeBytes, record })
    })
  }

  /** Waits for the run of a step: one that is under way, else a new one. */
  async #join(
    step: Step<R>,
    inputs: readonly Solved<R>[],
    parts: CacheKeyParts,
    known?: MissCause,
  ): Promise<StepReport<R>> {
    const { vertex, reporter } = step
    const request = { vertex, inputs, parts, key: cacheKeyOf(vertex.op, parts) }
    const id = runIdOf(request.key, parts.madeOn)
    const other = vertex.ignoreCache ? undefined : this.#state.runs.get(id)
    if (other?.aborted) {
      await other.ended.catch(() => {})
      this.#end.signal.throwIfAborted()
      return this.#solveCached(step, inputs, parts)
    }
    const explain = other === undefined ? this.#explainer(step, request, known) : undefined
    const early = vertex.op.explainsLate ? undefined : explain?.()
    const run = other ?? this.#start(id, request)
    if (early !== undefined) reporter.missed(early)
    let finished: Finished<R>
    try {
      finished = await run.join(reporter, this.#end.signal)
    } catch (error) {
      // Not our step's fault, where the one who began it has gone, and what it worked on with it.
      if (other === undefined || !run.starterLeft || this.#end.signal.aborted) throw error
      await run.ended.catch(() => {})
      return this.#solveCached(step, inputs, parts)
    }
    const { solved, durationMs, sizeBytes, record, found } = finished
    // The other solve's op found other inputs when it ran than those that both had looked up: its result is not ours. What it found
    // remembered stands on its own inputs' results, and ours may be told otherwise.
    if (other !== undefined && (solved.key !== request.key || found)) {
      await run.ended.catch(() => {})
      this.#end.signal.throwIfAborted()
      return this.#solveCached(step, inputs, parts)
    }
    const whenSaved = (tell: () => void) => this.#saves.push(run.ended.then(tell, (error) => this.#fail(step, error)))
    if (explain === undefined || found) {
      whenSaved(() => {})
      reporter.cached('shared')
      return report(vertex, solved, { cached: true, durationMs: 0, sizeBytes, record })
    }
    const miss = early ?? explain()
    if (early === undefined) reporter.missed(miss)
    // Its users go on already; but what is told as done is remembered, even by a process that is killed right after.
    whenSaved(() => reporter.completed(durationMs, sizeBytes))
    return report(vertex, solved, { cached: false, miss, durationMs, sizeBytes, record })
  }

  #explainer({ vertex }: Step<R>, { key, parts }: RunRequest<R>, known: MissCause | undefined): () => MissCause {
    if (known !== undefined) return () => known
    const outcomeOf = (input: Vertex<R>): KnownOutcome => {
      const { parts, report } = this.#steps.get(input.digest)!
      const { miss, solved } = report ?? {}
      return {
        ...(solved === undefined ? {} : { key: solved.key }),
        ...(parts === undefined ? {} : { parts }),
        ...(miss === undefined ? {} : { miss }),
      }
    }
    return explainMiss(knownRecords(this.#places), { vertex, key, parts, outcomeOf })
  }

  #start(id: Digest, request: RunRequest<R>): SharedRun<R> {
    const { runs } = this.#state
    const run = new SharedRun(this.#state, request)
    if (request.vertex.ignoreCache) return run
    runs.set(id, run)
    const forget = () => runs.delete(id)
    run.ended.then(forget, forget)
    return run
  }
}

function report<R extends Result>(vertex: Vertex<R>, solved: Solved<R>, outcome: Outcome): StepReport<R> {
  return { vertex, solved, ...outcome }
}
