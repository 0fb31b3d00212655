import type { BuildEvent, Digest } from '@tsbuild/spec'
import { LineReader } from './line-reader.js'

/** A transfer within a step. */
export interface StepItem {
  readonly name: string
  bytes: number
  total?: number
  done: boolean
  readonly startedAt: number
  updatedAt: number
}

export type StepState = 'waiting' | 'running' | 'cached' | 'done' | 'failed' | 'canceled'

/** One step as a view knows it. Times are milliseconds since the epoch. */
export class StepView {
  readonly id: Digest
  readonly name: string
  state: StepState = 'waiting'
  startedAt: number | undefined
  endedAt: number | undefined
  durationMs: number | undefined
  error: string | undefined
  /** Why it was not cached. */
  why: string | undefined
  readonly items = new Map<string, StepItem>()
  readonly readers = { stdout: new LineReader(), stderr: new LineReader() }

  constructor(id: Digest, name: string) {
    this.id = id
    this.name = name
  }

  get ended(): boolean {
    return this.endedAt !== undefined
  }

  /** Seconds it has taken by `now`. */
  seconds(now: number): number {
    if (this.durationMs !== undefined) return this.durationMs / 1000
    return this.startedAt === undefined ? 0 : Math.max(0, (this.endedAt ?? now) - this.startedAt) / 1000
  }

  /** Takes in what an event says of it; lines of output are given back. */
  apply(event: Exclude<BuildEvent, { kind: 'warning' }>): string[] {
    switch (event.kind) {
      case 'vertexAdded':
        return []
      case 'started':
        // Also for the second time: what an imported result stood for may have to be made after all.
        this.state = 'running'
        this.startedAt = event.at
        this.endedAt = undefined
        this.durationMs = undefined
        return []
      case 'missed':
        if (event.miss.kind !== 'noCache') this.why = event.why
        return []
      case 'progress':
        this.#progress(event)
        return []
      case 'log':
        return this.readers[event.stream].push(event.data)
      case 'cached':
        return this.#end('cached', event.at)
      case 'completed':
        this.durationMs = event.durationMs
        return this.#end('done', event.at)
      case 'failed':
        this.error = event.error.message
        return this.#end('failed', event.at)
      case 'canceled':
        return this.#end('canceled', event.at)
    }
  }

  #end(state: StepState, at: number): string[] {
    this.state = state
    this.endedAt = at
    return [...this.readers.stdout.end(), ...this.readers.stderr.end()]
  }

  #progress({ item: name, bytes, total, done = false, at }: Extract<BuildEvent, { kind: 'progress' }>): void {
    const item = this.items.get(name) ?? { name, bytes, done, startedAt: at, updatedAt: at }
    Object.assign(item, { bytes, done, updatedAt: at }, total === undefined ? {} : { total })
    this.items.set(name, item)
  }
}
