import type { Digest, MissCause, SourceRange } from '@tsbuild/spec'
import type { BuildOptions } from './build.js'

/** What became of a step of an earlier build. */
export interface ReportedStep {
  /** The vertex digest. */
  readonly id: Digest
  readonly name: string
  readonly outcome: 'cached' | 'ran' | 'failed' | 'canceled'
  /** Why it was not cached. */
  readonly miss?: MissCause
  /** {@link ReportedStep.miss} as a line. */
  readonly why?: string
  readonly durationMs: number
  readonly source?: SourceRange
}

/** What is remembered of a build. */
export interface BuildReport {
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  readonly durationMs: number
  readonly outcome: 'completed' | 'failed'
  /** The context, without credentials; `stream` for one that was sent. */
  readonly context: string
  readonly steps: readonly ReportedStep[]
}

/** What a plan looks at: all that decides which steps there are. Outputs don't matter, and nothing is written. */
export type PlanOptions = Omit<
  BuildOptions,
  'tags' | 'outputs' | 'labels' | 'annotations' | 'rewriteTimestamp' | 'cacheTo' | 'cacheMounts' | 'onEvent'
>

/** What a build would do with one step. */
export interface PlannedStep {
  /** The vertex digest, as a build's events carry it. */
  readonly id: Digest
  readonly name: string
  /** `unknown` where it depends on what another step makes that has to run first. */
  readonly outcome: 'hit' | 'miss' | 'unknown'
  readonly miss?: MissCause
  /** {@link PlannedStep.miss} as a line; for `unknown`, what it depends on. */
  readonly why?: string
  /** How long it took when it last ran. */
  readonly lastMs?: number
  readonly source?: SourceRange
}

export interface PlanResult {
  /** In the order of a build: inputs before their users. */
  readonly steps: readonly PlannedStep[]
  readonly hits: number
  readonly misses: number
  readonly unknown: number
  /** How long the missed steps took when they last ran, on the longest path of steps that need each other. */
  readonly estimateMs: number
  /** The same when all unknown steps run, too. */
  readonly estimateMaxMs: number
  /** Steps that may run, of which it is not known how long they take. */
  readonly untimed: number
  /** Of caches that could not be read. */
  readonly warnings: readonly string[]
}
