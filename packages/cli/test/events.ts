import { type BuildEvent, type Digest, digestOf, formatMiss, type MissCause } from '@tsbuild/spec'

/** Writes the events of a build, at seconds since its start. */
export class Script {
  readonly events: BuildEvent[] = []
  readonly #start: number

  constructor(start = 1_700_000_000_000) {
    this.#start = start
  }

  #base(name: string, seconds: number): { id: Digest; at: number } {
    return { id: digestOf(name), at: this.#start + Math.round(seconds * 1000) }
  }

  add(...names: string[]): this {
    for (const name of names) this.events.push({ ...this.#base(name, 0), kind: 'vertexAdded', name, inputs: [] })
    return this
  }

  start(name: string, seconds: number): this {
    this.events.push({ ...this.#base(name, seconds), kind: 'started' })
    return this
  }

  log(name: string, seconds: number, text: string | Uint8Array, stream: 'stdout' | 'stderr' = 'stdout'): this {
    this.events.push({ ...this.#base(name, seconds), kind: 'log', stream, data: Buffer.from(text as string) })
    return this
  }

  progress(name: string, seconds: number, item: string, bytes: number, total?: number, done?: boolean): this {
    const known = { ...(total === undefined ? {} : { total }), ...(done === undefined ? {} : { done }) }
    this.events.push({ ...this.#base(name, seconds), kind: 'progress', item, bytes, ...known })
    return this
  }

  missed(name: string, seconds: number, miss: MissCause): this {
    this.events.push({ ...this.#base(name, seconds), kind: 'missed', miss, why: formatMiss(miss) })
    return this
  }

  cached(name: string, seconds: number, from: 'local' | 'imported' | 'shared' = 'local'): this {
    this.events.push({ ...this.#base(name, seconds), kind: 'cached', from })
    return this
  }

  done(name: string, seconds: number, durationMs: number): this {
    this.events.push({ ...this.#base(name, seconds), kind: 'completed', durationMs, sizeBytes: 0 })
    return this
  }

  fail(name: string, seconds: number, message: string): this {
    this.events.push({ ...this.#base(name, seconds), kind: 'failed', error: { code: 'X', message } })
    return this
  }

  cancel(name: string, seconds: number): this {
    this.events.push({ ...this.#base(name, seconds), kind: 'canceled' })
    return this
  }
}
