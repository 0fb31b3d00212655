import { type ErrorDetails, TsbuildError } from '@tsbuild/spec'
import type { Result } from './op.js'
import type { Vertex } from './vertex.js'

/** Thrown by an op that finds that an input which the cache promised can't be had: the solve looks for the inputs once more and runs
 * what is needed for them, then the step. Whoever throws it sees to it that `load` does not promise the same again. */
export class InputGoneError extends TsbuildError<'INPUT_GONE'> {
  constructor(message: string, details: ErrorDetails = {}) {
    super('INPUT_GONE', message, details)
  }
}

export type SolveErrorCode = 'STEP_FAILED'

/** The step that ended a solve; `cause` is what its op threw. */
export class SolveError<R extends Result = Result> extends TsbuildError<SolveErrorCode> {
  readonly vertex: Vertex<R>

  constructor(vertex: Vertex<R>, details: ErrorDetails) {
    const { cause } = details
    const state = cause instanceof Error ? cause.message : String(cause)
    super('STEP_FAILED', `Cannot run step "${vertex.name}": ${state}`, details)
    this.vertex = vertex
  }
}
