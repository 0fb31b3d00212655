import type { CacheRecord, MissCause, OnBuildEvent } from '@tsbuild/spec'
import type { ImportedRecords } from './look-up.js'
import type { Result, Solved } from './op.js'
import type { Vertex } from './vertex.js'

export interface SolveOptions {
  readonly signal?: AbortSignal
  /** Told what happens, in order; every vertex that is not hidden ends with one of `cached`, `completed`, `failed`, `canceled`.
   *  What it throws ends the solve. */
  readonly onEvent?: OnBuildEvent
  /** Looked at where the cache has no record of a step. */
  readonly imported?: ImportedRecords | undefined
}

/** What became of one vertex. */
export interface StepReport<R extends Result> {
  readonly vertex: Vertex<R>
  readonly solved: Solved<R>
  /** This solve needed no run of its own: the result was remembered, or made for another solve at the same time. */
  readonly cached: boolean
  /** Why it ran, compared with the nearest earlier record. Absent for cached steps and for ops that are never cached. */
  readonly miss?: MissCause
  /** Of the run; 0 for a cached step. */
  readonly durationMs: number
  /** What the op said; for a cached step, what it said when it ran. */
  readonly sizeBytes: number
  /** What is remembered of the step. Absent for ops that are never cached. */
  readonly record?: CacheRecord
}

export interface Solution<R extends Result> {
  /** In the order of the targets. */
  readonly results: readonly Solved<R>[]
  /** One for each different vertex, inputs before their users. */
  readonly steps: readonly StepReport<R>[]
}
