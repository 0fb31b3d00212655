import { type ErrorDetails, TsbuildError } from '@tsbuild/spec'
import type { Result } from './op.js'
import type { Vertex } from './vertex.js'

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
