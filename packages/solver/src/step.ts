import type { CacheKeyParts, Result, Solved } from './op.js'
import type { StepReporter } from './reporter.js'
import type { StepReport } from './solution.js'
import type { Vertex } from './vertex.js'

/** One vertex within a solve. `pending` never rejects; where it leaves no `report`, the solve is over. */
export interface Step<R extends Result> {
  readonly vertex: Vertex<R>
  readonly reporter: StepReporter<R>
  pending?: Promise<void>
  parts?: CacheKeyParts
  report?: StepReport<R>
}

/** The results of steps that have ended. */
export function solvedOf<R extends Result>(inputs: readonly Step<R>[]): Solved<R>[] {
  return inputs.map((input) => input.report!.solved)
}
