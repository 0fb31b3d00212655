import { type BuildEvent, formatMiss, type Metadata, type OnBuildEvent, type Table } from '@tsbuild/spec'
import type { BuildOptions, BuildReport, BuildResult, ReportedStep } from '../api.js'
import { redactGitUrl } from '../git/index.js'

/** So many builds are remembered. */
const limit = 20

/** A report as JSON; under `next` the number of the next one. */
type Row = string | number

/** What the last builds of a root did, for whoever asks afterwards. */
export class BuildReports {
  readonly #table: Table<Row>
  #kept: Promise<unknown> = Promise.resolve()

  constructor(metadata: Metadata) {
    this.#table = metadata.table<Row>('build-reports')
  }

  /** Carries a build out and remembers what its steps did, also where it fails. */
  async watch(options: BuildOptions, build: (options: BuildOptions) => Promise<BuildResult>): Promise<BuildResult> {
    const startedAt = Date.now()
    const begin = performance.now()
    const steps = new Map<string, ReportedStep>()
    const onEvent: OnBuildEvent = (event) => {
      note(steps, event)
      options.onEvent?.(event)
    }
    const keep = (outcome: BuildReport['outcome']) => {
      if (steps.size === 0) return
      const { context = '.' } = options
      const shown = typeof context === 'string' ? redactGitUrl(context) : 'stream'
      const durationMs = performance.now() - begin
      this.#keep({ startedAt, durationMs, outcome, context: shown, steps: [...steps.values()] })
    }
    try {
      const result = await build({ ...options, onEvent })
      for (const { id, miss, why, durationMs } of result.steps) {
        const step = steps.get(id)
        if (step !== undefined && miss !== undefined && why !== undefined)
          steps.set(id, { ...step, miss, why, durationMs })
      }
      keep('completed')
      return result
    } catch (error) {
      keep('failed')
      throw error
    }
  }

  /** Waits until all that was to be remembered is. */
  async settle(): Promise<void> {
    await this.#kept
  }

  /** Newest first. */
  async list(): Promise<BuildReport[]> {
    await this.settle()
    return [...this.#table.entries()]
      .flatMap(({ value }) => (typeof value === 'string' ? [JSON.parse(value) as BuildReport] : []))
      .sort((a, b) => b.startedAt - a.startedAt)
  }

  /** Not waited for: a build is no slower by it. Where it fails, only the report is lost. */
  #keep(report: BuildReport): void {
    const next = Number(this.#table.get('next') ?? 0)
    const saved = this.#table.batch([
      [`build ${next}`, JSON.stringify(report)],
      ['next', (next + 1) % limit],
    ])
    const before = this.#kept
    this.#kept = saved.catch(() => {}).then(() => before)
  }
}

const endings = { cached: 'cached', completed: 'ran', failed: 'failed', canceled: 'canceled' } as const

/** Steps of the Dockerfile have a place in it; what a build does besides has none. */
function note(steps: Map<string, ReportedStep>, event: BuildEvent): void {
  if (event.kind === 'warning') return
  if (event.kind === 'vertexAdded') {
    const { id, name, source } = event
    if (source !== undefined) steps.set(id, { id, name, outcome: 'canceled', durationMs: 0, source })
    return
  }
  const step = steps.get(event.id)
  if (step === undefined) return
  if (event.kind === 'missed') steps.set(event.id, { ...step, miss: event.miss, why: event.why })
  else if (event.kind === 'completed' || event.kind === 'failed') {
    const miss = step.miss ?? ({ kind: 'noRecord' } as const)
    const durationMs = event.kind === 'completed' ? event.durationMs : 0
    steps.set(event.id, { ...step, outcome: endings[event.kind], miss, why: formatMiss(miss), durationMs })
  } else if (event.kind === 'cached' || event.kind === 'canceled') {
    const { miss: _, why: __, ...rest } = step
    steps.set(event.id, { ...rest, outcome: endings[event.kind] })
  }
}
