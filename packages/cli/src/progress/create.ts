import type { Io } from '../io.js'
import { PlainView } from './plain.js'
import { formatRawJson } from './raw-json.js'
import type { ProgressMode, ProgressView } from './view.js'

/** Whether text for this stream may be coloured: a terminal, and neither NO_COLOR nor TERM=dumb. */
export function mayColor({ env, stderr }: Pick<Io, 'env' | 'stderr'>): boolean {
  if (env.NO_COLOR) return false
  return (stderr.isTTY === true && env.TERM !== 'dumb') || Boolean(env.FORCE_COLOR)
}

/** The view for a mode, on standard error. `auto` is `tty` on a terminal and `plain` elsewhere. */
export async function createView(mode: ProgressMode, io: Pick<Io, 'env' | 'stderr'>): Promise<ProgressView> {
  // Without a look at standard error, which would open it.
  if (mode === 'quiet') return { handle: () => {}, close: () => {} }
  const isTerminal = io.stderr.isTTY === true && io.env.TERM !== 'dumb'
  const write = (text: string) => void io.stderr.write(text)
  switch (mode === 'auto' ? (isTerminal ? 'tty' : 'plain') : mode) {
    case 'tty': {
      const { TtyView } = await import('./tty.js')
      return new TtyView(io.stderr, mayColor(io))
    }
    case 'plain':
      return ticking(new PlainView(write))
    default:
      return { handle: (event) => write(formatRawJson(event)), close: () => {} }
  }
}

/** Gives a plain view the time, so that a silent step does not hold back what others say. */
function ticking(view: PlainView): ProgressView {
  const timer = setInterval(() => view.tick(Date.now()), 1000)
  timer.unref()
  return {
    handle: (event) => view.handle(event),
    close() {
      clearInterval(timer)
      view.close()
    },
  }
}
