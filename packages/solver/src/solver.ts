import type { CacheStore, KeyLocks } from '@tsbuild/spec'
import PQueue from 'p-queue'
import type { Result } from './op.js'
import { type Prediction, type PredictOptions, predict } from './predict.js'
import type { Solution, SolveOptions } from './solution.js'
import { Solve } from './solve.js'
import type { SolverState } from './state.js'
import type { Vertex } from './vertex.js'

export interface SolverOptions {
  readonly cache: CacheStore
  /** Lets several processes share one run of a step. Without them only the solves of this solver do. */
  readonly locks?: KeyLocks
  /** Ops that run side by side, over all solves: 1 or more. Computing keys, look-ups and waiting do not count. */
  readonly concurrency: number
}

/** Solves graphs of vertices: inputs first, independent branches side by side, equal vertices once. Solves that run at the same time
 * share their runs of equal steps; a shared run ends early only when every solve that waits for it was aborted. */
export interface Solver<R extends Result> {
  /** Resolves when all targets are solved and remembered. After a failure or an abort it rejects once all that it started has ended.
   *  @throws {SolveError} `STEP_FAILED` for the first step that failed; the signal's reason when it was aborted */
  solve(targets: readonly Vertex<R>[], options?: SolveOptions): Promise<Solution<R>>
  /** Tells what `solve` would do, inputs before their users; nothing is run, and nothing changes. */
  predict(targets: readonly Vertex<R>[], options: PredictOptions<R>): Promise<readonly Prediction<R>[]>
}

/** Makes a solver; what its solves have in common is the queue, the cache and the runs that they share. */
export function createSolver<R extends Result>({ cache, locks, concurrency }: SolverOptions): Solver<R> {
  const state: SolverState<R> = { cache, locks, queue: new PQueue({ concurrency }), runs: new Map() }
  return {
    solve: async (targets, options = {}) => new Solve(state, options).run(targets),
    predict: (targets, options) => predict(cache, targets, options),
  }
}
