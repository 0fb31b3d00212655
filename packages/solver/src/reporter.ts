import { type BuildEvent, formatMiss, type MissCause, type OnBuildEvent, TsbuildError } from '@tsbuild/spec'
import { visibleInputs } from './graph.js'
import type { Result } from './op.js'
import type { Vertex } from './vertex.js'

/** Tells one solve what happens to one of its vertices: `started` once at most, exactly one ending, nothing after it; but for a step that
 * was cached, as it seemed, and has to run after all. */
export class StepReporter<R extends Result> {
  readonly #vertex: Vertex<R>
  readonly #emit: OnBuildEvent | undefined
  #started = false
  #ended = false
  #again = false
  #missed = false

  constructor(vertex: Vertex<R>, emit: OnBuildEvent | undefined) {
    this.#vertex = vertex
    this.#emit = vertex.hidden ? undefined : emit
  }

  added(): void {
    if (this.#emit === undefined) return
    const { name, source } = this.#vertex
    const inputs = visibleInputs(this.#vertex)
    this.#emit({ ...this.#base(), kind: 'vertexAdded', name, inputs, ...(source === undefined ? {} : { source }) })
  }

  /** It was taken from a cache that can't give it after all: where it runs now, it starts a second time. */
  again(): void {
    this.#again = this.#ended
  }

  started(): void {
    if (this.#again) {
      this.#again = false
      this.#started = false
      this.#ended = false
    }
    if (this.#started || this.#ended) return
    this.#started = true
    this.#emit?.({ ...this.#base(), kind: 'started' })
  }

  log(stream: 'stdout' | 'stderr', data: Uint8Array): void {
    if (!this.#ended) this.#emit?.({ ...this.#base(), kind: 'log', stream, data })
  }

  progress(item: string, bytes: number, total?: number, done?: boolean): void {
    if (this.#ended) return
    const known = { ...(total === undefined ? {} : { total }), ...(done === undefined ? {} : { done }) }
    this.#emit?.({ ...this.#base(), kind: 'progress', item, bytes, ...known })
  }

  warn(message: string): void {
    const { source } = this.#vertex
    this.#emit?.({ kind: 'warning', at: Date.now(), message, ...(source === undefined ? {} : { source }) })
  }

  /** A step that never ran before has nothing to tell. */
  missed(miss: MissCause): void {
    if (this.#ended || this.#missed || miss.kind === 'noRecord') return
    this.#missed = true
    this.#emit?.({ ...this.#base(), kind: 'missed', miss, why: formatMiss(miss) })
  }

  cached(from: 'local' | 'imported' | 'shared'): void {
    this.#end(() => ({ ...this.#base(), kind: 'cached', from }))
  }

  completed(durationMs: number, sizeBytes: number): void {
    this.#end(() => ({ ...this.#base(), kind: 'completed', durationMs, sizeBytes }))
  }

  failed(cause: unknown): void {
    const code = cause instanceof TsbuildError ? cause.code : 'UNKNOWN'
    const message = cause instanceof Error ? cause.message : String(cause)
    this.#end(() => ({ ...this.#base(), kind: 'failed', error: { code, message } }))
  }

  canceled(): void {
    this.#end(() => ({ ...this.#base(), kind: 'canceled' }))
  }

  #end(event: () => BuildEvent): void {
    if (this.#ended) return
    this.#ended = true
    this.#emit?.(event())
  }

  #base() {
    return { id: this.#vertex.digest, at: Date.now() }
  }
}
