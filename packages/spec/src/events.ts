import type { Digest } from './digest.js'
import type { MissCause } from './miss.js'

/** A place in a Dockerfile, 1-based, both ends included. */
export interface SourceRange {
  readonly file: string
  readonly startLine: number
  readonly endLine: number
}

/** What every event of a step carries. `id` is the vertex digest, the same in every event of the step. */
interface StepEvent {
  readonly id: Digest
  /** Milliseconds since the epoch. */
  readonly at: number
}

/** What happens during a build, in order. Progress views, `--progress=rawjson` and an embedding program all read this one stream. */
export type BuildEvent =
  | (StepEvent & {
      readonly kind: 'vertexAdded'
      /** As BuildKit shows it: `[build 2/5] RUN make`. */
      readonly name: string
      readonly inputs: readonly Digest[]
      readonly source?: SourceRange
    })
  | (StepEvent & { readonly kind: 'started' })
  /** The step needed no run; `from` says where its result came from. One that was `imported` may start later all the same, when the
   * files that it stands for are needed and can't be had. */
  | (StepEvent & { readonly kind: 'cached'; readonly from: 'local' | 'imported' | 'shared' })
  /** Why the step runs, as soon as that is known: where files are compared, when it has run. Steps that never ran before tell nothing. */
  | (StepEvent & { readonly kind: 'missed'; readonly miss: MissCause; readonly why: string })
  /** A part of the step with a size, e.g. one layer of a pull. */
  | (StepEvent & {
      readonly kind: 'progress'
      readonly item: string
      readonly bytes: number
      readonly total?: number
      readonly done?: boolean
    })
  | (StepEvent & { readonly kind: 'log'; readonly stream: 'stdout' | 'stderr'; readonly data: Uint8Array })
  | (StepEvent & { readonly kind: 'completed'; readonly durationMs: number; readonly sizeBytes: number })
  | (StepEvent & { readonly kind: 'failed'; readonly error: { readonly code: string; readonly message: string } })
  /** Another step failed first, or the build was cancelled. */
  | (StepEvent & { readonly kind: 'canceled' })
  | {
      readonly kind: 'warning'
      readonly at: number
      /** Name of the build check, when it is one. */
      readonly rule?: string
      readonly message: string
      readonly url?: string
      readonly source?: SourceRange
    }

export type OnBuildEvent = (event: BuildEvent) => void
