import type { Terminal } from '../io.js'

const hidden = new WeakSet<Terminal>()

export function hideCursor(stream: Terminal): void {
  hidden.add(stream)
  stream.write('\x1b[?25l')
}

/** Shows the cursor again where `hideCursor` took it away. */
export function showCursor(stream: Terminal): void {
  if (hidden.delete(stream)) stream.write('\x1b[?25h')
}
