import type { BuildEvent, Digest } from '@tsbuild/spec'
import { formatBytes } from '../format/size.js'
import { type StepItem, StepView } from './step.js'
import type { ProgressView } from './view.js'

/** How long one step may hold the floor while others have something to say (ms). */
const turnMs = 3000
/** How often a transfer tells of itself (ms). */
const transferMs = 5000

interface Block {
  readonly step: StepView
  readonly number: number
  readonly lines: string[]
  readonly told: Map<string, number>
}

/** Lines for logs and pipes. A step that speaks keeps the floor until it ends or its turn is over, so that the lines of steps that run
 * side by side stay together. Pure: it asks no clock, `tick` tells it the time. */
export class PlainView implements ProgressView {
  readonly #write: (text: string) => void
  readonly #blocks = new Map<Digest, Block>()
  readonly #known = new Map<Digest, StepView>()
  #current: Block | undefined
  #since = 0
  #first = true

  constructor(write: (text: string) => void) {
    this.#write = write
  }

  handle(event: BuildEvent): void {
    if (event.kind === 'warning') return
    if (event.kind === 'vertexAdded') {
      // A build that starts over adds its steps again.
      if (!this.#known.has(event.id)) this.#known.set(event.id, new StepView(event.id, event.name))
      return
    }
    const step = this.#known.get(event.id)
    if (step === undefined) return
    const output = step.apply(event)
    if (event.kind === 'canceled' && step.startedAt === undefined) return
    const block = this.#blockOf(step)
    block.lines.push(
      ...output.map((line) => `${elapsed(step, event.at)} ${line.replace(/\r$/, '')}`),
      ...news(block, event),
    )
    this.#flush(block, event.at)
  }

  /** Lets a step have the floor that waits for longer than a turn. */
  tick(now: number): void {
    if (this.#current === undefined || now - this.#since < turnMs) return
    const waiting = [...this.#blocks.values()].find((block) => block !== this.#current && block.lines.length > 0)
    if (waiting !== undefined) this.#take(waiting, now)
  }

  close(): void {
    for (const block of this.#blocks.values()) if (block.lines.length > 0) this.#take(block, this.#since)
  }

  #blockOf(step: StepView): Block {
    const known = this.#blocks.get(step.id)
    if (known !== undefined) return known
    const block = { step, number: this.#blocks.size + 1, lines: [], told: new Map<string, number>() }
    this.#blocks.set(step.id, block)
    return block
  }

  #flush(block: Block, now: number): void {
    if (this.#current === undefined) this.#take(block, now)
    else if (this.#current === block) this.#print(block)
    else this.tick(now)
    while (this.#current?.step.ended) {
      this.#current = undefined
      const waiting = [...this.#blocks.values()].filter(({ lines }) => lines.length > 0)
      const next = waiting.find(({ step }) => step.ended) ?? waiting[0]
      if (next !== undefined) this.#take(next, now)
    }
  }

  #take(block: Block, now: number): void {
    if (this.#current !== undefined && !this.#current.step.ended) this.#write(`#${this.#current.number} ...\n`)
    this.#current = block
    this.#since = now
    this.#write(`${this.#first ? '' : '\n'}#${block.number} ${block.step.name}\n`)
    this.#first = false
    this.#print(block)
  }

  #print(block: Block): void {
    for (const line of block.lines.splice(0)) this.#write(`#${block.number} ${line}\n`)
  }
}

/** What an event says besides output. */
function news(block: Block, event: BuildEvent): string[] {
  const { step } = block
  switch (event.kind) {
    case 'progress': {
      const item = step.items.get(event.item)!
      const last = block.told.get(item.name)
      if (!item.done && last !== undefined && event.at - last < transferMs) return []
      block.told.set(item.name, event.at)
      return [transfer(item, event.at)]
    }
    case 'missed':
      return step.why === undefined ? [] : [`not cached: ${step.why}`]
    case 'cached':
      return ['CACHED']
    case 'completed':
      return [`DONE ${step.seconds(event.at).toFixed(1)}s`]
    case 'canceled':
      return ['CANCELED']
    case 'failed':
      return [`ERROR: ${event.error.message}`]
    default:
      return []
  }
}

function transfer({ name, bytes, total, done, startedAt }: StepItem, now: number): string {
  const size = total === undefined ? formatBytes(bytes) : `${formatBytes(bytes)} / ${formatBytes(total)}`
  return `${name} ${size} ${((now - startedAt) / 1000).toFixed(1)}s${done ? ' done' : ''}`
}

function elapsed(step: StepView, at: number): string {
  return ((at - (step.startedAt ?? at)) / 1000).toFixed(3)
}
