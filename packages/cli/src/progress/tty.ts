import type { BuildEvent, Digest } from '@tsbuild/spec'
import type { Terminal } from '../io.js'
import { hideCursor, showCursor } from './cursor.js'
import { StepView } from './step.js'
import { renderTty, type ShownStep } from './tty-render.js'
import type { ProgressView } from './view.js'
import { plainText, textWidth } from './width.js'

/** Milliseconds between two redraws at least. */
const frameMs = 100
/** Lines of output shown below a running step, and below one that failed. */
const tailLines = 6

/** Redraws the state of all steps in place. */
export class TtyView implements ProgressView {
  readonly #stream: Terminal
  readonly #color: boolean
  readonly #steps = new Map<Digest, { readonly step: StepView; tail: string[] }>()
  readonly #startedAt = Date.now()
  readonly #onResize = () => this.#draw(false)
  #drawn: readonly string[] = []
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(stream: Terminal, color: boolean) {
    this.#stream = stream
    this.#color = color
    stream.on('resize', this.#onResize)
  }

  handle(event: BuildEvent): void {
    if (event.kind === 'warning' || this.#closed) return
    if (event.kind === 'vertexAdded' && !this.#steps.has(event.id)) {
      this.#steps.set(event.id, { step: new StepView(event.id, event.name), tail: [] })
    }
    const entry = this.#steps.get(event.id)
    if (entry === undefined) return
    const lines = entry.step.apply(event).filter((line) => plainText(line) !== '')
    if (lines.length > 0) entry.tail = [...entry.tail, ...lines].slice(-tailLines)
    // A cached build is over before the first frame: nothing is drawn twice.
    this.#timer ??= setInterval(() => this.#draw(false), frameMs)
  }

  close(succeeded?: boolean): void {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#timer)
    this.#stream.off('resize', this.#onResize)
    if (this.#steps.size > 0) this.#draw(true, succeeded)
    showCursor(this.#stream)
  }

  #draw(finished: boolean, succeeded?: boolean): void {
    // A terminal that does not know its size says 0.
    const columns = this.#stream.columns || 80
    const rows = this.#stream.rows || 24
    const shown: ShownStep[] = [...this.#steps.values()]
    const rest = { now: Date.now(), startedAt: this.#startedAt, color: this.#color }
    const options = { columns, ...rest, finished, ...(succeeded === undefined ? {} : { succeeded }) }
    const lines = renderTty(shown, { ...options, rows: finished ? Number.POSITIVE_INFINITY : rows - 1 })
    if (!finished && this.#drawn.length === 0) hideCursor(this.#stream)
    // One write per frame, each line overwritten and only its end cleared: nothing flickers.
    this.#stream.write(`${this.#home(columns)}${lines.map((line) => `${line}\x1b[K\n`).join('')}\x1b[J`)
    this.#drawn = lines
  }

  /** To the first line of the last frame; a terminal that was made narrower has wrapped its lines. */
  #home(columns: number): string {
    const height = this.#drawn.reduce(
      (sum, line) => sum + Math.max(1, Math.ceil(textWidth(plainText(line)) / columns)),
      0,
    )
    return height === 0 ? '' : `\r\x1b[${height}A`
  }
}
