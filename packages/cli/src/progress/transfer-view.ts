import type { PullEvent, PushEvent } from '@tsbuild/core'
import type { Io, Terminal } from '../io.js'
import { hideCursor, showCursor } from './cursor.js'
import { pullStatus, pullTitle, pushStatus, pushTitle, type TransferStatus, transferLine } from './transfer-status.js'
import { truncate } from './width.js'

/** Shows pulls and pushes on standard error, as Docker does: a line for each layer, redrawn in place on a terminal, and a line for each
 * change elsewhere. */
export interface TransferView {
  readonly pulling: (event: PullEvent) => void
  readonly pushing: (event: PushEvent) => void
  readonly update: (status: TransferStatus) => void
  line(text: string): void
  /** Draws the last state. Closing twice is harmless. */
  close(): void
}

export function createTransferView({ env, stderr }: Pick<Io, 'env' | 'stderr'>, quiet: boolean): TransferView {
  if (quiet) return { pulling: () => {}, pushing: () => {}, update: () => {}, line: () => {}, close: () => {} }
  const lines =
    stderr.isTTY === true && env.TERM !== 'dumb'
      ? new RedrawnLines(stderr)
      : new PlainLines((text) => stderr.write(text))
  return {
    pulling: (event) => (event.kind === 'image' ? lines.title(pullTitle(event)) : lines.update(pullStatus(event))),
    pushing: (event) => (event.kind === 'image' ? lines.title(pushTitle(event)) : lines.update(pushStatus(event))),
    update: (status) => lines.update(status),
    line: (text) => lines.title(text),
    close: () => lines.close(),
  }
}

interface Lines {
  /** A line that stays; the layers after it stand below. */
  title(text: string): void
  update(status: TransferStatus): void
  close(): void
}

class PlainLines implements Lines {
  readonly #write: (text: string) => unknown
  readonly #last = new Map<string, string>()

  constructor(write: (text: string) => unknown) {
    this.#write = write
  }

  title(text: string): void {
    this.#last.clear()
    this.#write(`${text}\n`)
  }

  update({ id, status }: TransferStatus): void {
    if (this.#last.get(id) === status) return
    this.#last.set(id, status)
    this.#write(`${id}: ${status}\n`)
  }

  close(): void {}
}

/** Milliseconds between two redraws at least. */
const frameMs = 100

class RedrawnLines implements Lines {
  readonly #stream: Terminal
  #layers = new Map<string, TransferStatus>()
  #drawn = 0
  #timer: NodeJS.Timeout | undefined

  constructor(stream: Terminal) {
    this.#stream = stream
  }

  title(text: string): void {
    this.#settle()
    this.#stream.write(`${text}\n`)
  }

  update(status: TransferStatus): void {
    this.#layers.set(status.id, status)
    if (this.#timer !== undefined) return
    hideCursor(this.#stream)
    this.#timer = setInterval(() => this.#draw(false), frameMs)
  }

  close(): void {
    this.#settle()
    showCursor(this.#stream)
  }

  /** Leaves the layers as they are now, and begins below them. */
  #settle(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    if (this.#layers.size > 0) this.#draw(true)
    this.#layers = new Map()
    this.#drawn = 0
  }

  #draw(whole: boolean): void {
    // A terminal that does not know its size says 0.
    const columns = this.#stream.columns || 80
    const rows = this.#stream.rows || 24
    const lines = visible([...this.#layers.values()], whole ? Number.POSITIVE_INFINITY : Math.max(1, rows - 2))
    const text = lines.map((line) => `${truncate(transferLine(line, columns), columns - 1)}\x1b[K\n`).join('')
    const home = this.#drawn === 0 ? '' : `\r\x1b[${this.#drawn}A`
    this.#stream.write(`${home}${text}\x1b[J`)
    this.#drawn = lines.length
  }
}

/** As many layers as fit; those that something happens to come first, in the image's order. */
function visible(layers: readonly TransferStatus[], rows: number): readonly TransferStatus[] {
  if (layers.length <= rows) return layers
  const busy = new Set(layers.filter(({ bytes }) => bytes !== undefined).slice(0, rows))
  for (const layer of layers) if (busy.size < rows) busy.add(layer)
  return layers.filter((layer) => busy.has(layer))
}
