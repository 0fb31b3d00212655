import pc from 'picocolors'
import { formatBytes } from '../format/size.js'
import type { StepView } from './step.js'
import { plainText, textWidth, truncate } from './width.js'

type Colors = ReturnType<typeof pc.createColors>

export interface RenderOptions {
  readonly columns: number
  /** Lines at most; what does not fit is left out, ended steps first. */
  readonly rows: number
  readonly now: number
  readonly startedAt: number
  readonly finished: boolean
  /** Of a finished build. Default: no step failed or was canceled. */
  readonly succeeded?: boolean
  readonly color: boolean
}

export interface ShownStep {
  readonly step: StepView
  /** Its last lines of output. */
  readonly tail: readonly string[]
}

/** One line of the screen: its text, and how it is coloured. */
interface Line {
  readonly left: string
  readonly right?: string
  readonly paint?: (colors: Colors) => (text: string) => string
}

/** The view of a build as lines of a terminal, none wider than `columns`. Pure. */
export function renderTty(steps: readonly ShownStep[], options: RenderOptions): string[] {
  const shown = steps.filter(
    ({ step }) => step.state !== 'waiting' && (step.state !== 'canceled' || step.startedAt !== undefined),
  )
  const visible = steps.filter(({ step }) => step.state !== 'canceled' || step.startedAt !== undefined)
  const lines = [header(visible, options), ...fit(shown, options)]
  const colors = pc.createColors(options.color)
  return lines.map((line) => paint(line, options.columns, colors))
}

function header(steps: readonly ShownStep[], { now, startedAt, finished, succeeded }: RenderOptions): Line {
  const done = steps.filter(({ step }) => step.state === 'cached' || step.state === 'done').length
  const failed = steps.some(({ step }) => step.state === 'failed' || step.state === 'canceled')
  const end = !finished ? '' : (succeeded ?? !failed) ? ' FINISHED' : ' ERROR'
  const seconds = Math.max(0, (now - startedAt) / 1000).toFixed(1)
  return { left: `[+] Building ${seconds}s (${done}/${steps.length})${end}` }
}

/** The lines of the steps. Where the screen is too small, the output of running steps is cut first, then the oldest ended steps. */
function fit(shown: readonly ShownStep[], options: RenderOptions): Line[] {
  const room = Math.max(1, options.rows - 1)
  const blocks = shown.map((item) => ({ ended: item.step.ended, lines: linesOf(item, options) }))
  let excess = blocks.reduce((sum, { lines }) => sum + lines.length, 0) - room
  for (const block of blocks) {
    const cut = Math.min(Math.max(0, excess), block.ended ? block.lines.length : 0)
    block.lines.splice(0, cut)
    excess -= cut
  }
  for (const block of blocks) {
    const cut = Math.min(Math.max(0, excess), Math.max(0, block.lines.length - 1))
    if (cut > 0) block.lines.splice(1, cut)
    excess -= cut
  }
  return blocks.flatMap(({ lines }) => lines).slice(-room)
}

function linesOf({ step, tail }: ShownStep, { now, finished }: RenderOptions): Line[] {
  const right = `${step.seconds(now).toFixed(1)}s`
  const lines: Line[] = [{ left: ` => ${label(step)}${step.name}`, right, paint: paintOf(step) }]
  if (step.why !== undefined && step.state !== 'cached')
    lines.push({ left: ` => => not cached: ${plainText(step.why)}`, paint: (colors) => colors.dim })
  for (const item of step.items.values()) {
    const size =
      item.total === undefined ? formatBytes(item.bytes) : `${formatBytes(item.bytes)} / ${formatBytes(item.total)}`
    const seconds = ((item.done || step.ended ? item.updatedAt : now) - item.startedAt) / 1000
    const line: Line = { left: ` => => ${item.name} ${size}`, right: `${seconds.toFixed(1)}s` }
    lines.push(item.done ? { ...line, paint: (colors) => colors.blue } : line)
  }
  if (step.ended ? step.state !== 'failed' : finished) return lines
  for (const text of tail) lines.push({ left: ` => => # ${plainText(text)}`, paint: (colors) => colors.dim })
  return lines
}

function label(step: StepView): string {
  if (step.state === 'cached') return 'CACHED '
  if (step.state === 'failed') return 'ERROR '
  return step.state === 'canceled' ? 'CANCELED ' : ''
}

function paintOf({ state }: StepView): (colors: Colors) => (text: string) => string {
  return (colors) => {
    if (state === 'failed') return colors.red
    if (state === 'canceled') return colors.yellow
    return state === 'running' ? (text) => text : colors.blue
  }
}

function paint({ left, right = '', paint: choose }: Line, columns: number, colors: Colors): string {
  const text = truncate(plainText(left), columns - (right === '' ? 0 : right.length + 1))
  const gap = right === '' ? '' : ' '.repeat(Math.max(1, columns - textWidth(text) - right.length))
  const line = `${text}${gap}${right}`
  return choose === undefined ? line : choose(colors)(line)
}
