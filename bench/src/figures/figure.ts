import type { Builder } from '../builders/builder.js'
import type { Workload } from '../workloads/index.js'

/** What is measured besides the time of builds. */
export interface Figure {
  readonly name: string
  /** For the list of figures that can be asked for. */
  readonly about: string
  /** How often it is measured, for the reader. */
  how(runs: number): string
  /** Measures and says what came out, as Markdown. */
  measure(place: FigurePlace): Promise<string>
}

export interface FigurePlace {
  readonly builders: readonly Builder[]
  /** Each written into its folder. */
  readonly workloads: readonly { readonly workload: Workload; readonly folder: string; readonly base: string }[]
  readonly runs: number
  /** Counts what is fetched of the registry that has the base images. */
  readonly baseProxy: { readonly fetchedBytes: number }
  readonly signal: AbortSignal
}
