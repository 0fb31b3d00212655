import type { MessagePort } from 'node:worker_threads'
import type { ByteStream } from '@tsbuild/spec'
import { carryError } from './carried-error.js'
import { cells, chunkBytes, type InputMessage, windowChunks } from './worker-protocol.js'

/** Feeds `source` to a task through `port`, a few chunks ahead of it at most; ends when the source does or when `stopped` is called.
 * The source's own error goes to the task. */
export async function feedTask(
  port: MessagePort,
  shared: Int32Array,
  source: ByteStream,
  stop: AbortSignal,
): Promise<void> {
  const send = (message: InputMessage, transfer: ArrayBuffer[] = []) => {
    port.postMessage(message, transfer)
    Atomics.add(shared, cells.input, 1)
    Atomics.notify(shared, cells.input)
  }
  const credits = countCredits(port, stop)
  try {
    for await (const chunk of inChunks(source)) {
      await credits.take()
      if (stop.aborted) return
      send({ kind: 'chunk', chunk }, [chunk.buffer])
    }
    send({ kind: 'end' })
  } catch (error) {
    if (!stop.aborted) send({ kind: 'error', error: carryError(error) })
  }
}

function countCredits(port: MessagePort, stop: AbortSignal): { take(): Promise<void> } {
  let free = windowChunks
  let wake = () => {}
  port.on('message', () => {
    free++
    wake()
  })
  stop.addEventListener('abort', () => wake(), { once: true })
  return {
    async take() {
      while (free === 0 && !stop.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      free--
    },
  }
}

/** The same bytes in chunks of `chunkBytes` that own their buffer, so that they can be transferred. */
async function* inChunks(source: ByteStream): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let pending = new Uint8Array(chunkBytes)
  let filled = 0
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + chunkBytes - filled)
      pending.set(part, filled)
      filled += part.length
      at += part.length
      if (filled === chunkBytes) {
        yield pending
        pending = new Uint8Array(chunkBytes)
        filled = 0
      }
    }
  }
  if (filled > 0) yield pending.slice(0, filled)
}
