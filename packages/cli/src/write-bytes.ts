import type { Terminal } from './io.js'

/** Writes bytes. Pending while the stream takes no more; what comes after the signal is lost, since nobody reads it then. */
export function writeBytes(stream: Terminal, bytes: Uint8Array, signal: AbortSignal): void | Promise<void> {
  if (signal.aborted || stream.destroyed || stream.write(bytes) || !stream.writableNeedDrain) return
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done).off('close', done)
      signal.removeEventListener('abort', done)
      resolve()
    }
    stream.on('drain', done).on('close', done)
    signal.addEventListener('abort', done)
  })
}
