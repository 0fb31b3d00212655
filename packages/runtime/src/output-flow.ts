import type { Socket } from 'node:net'
import { outputWindow } from './launcher-protocol.js'

/** Streams that stop together while the consumer has a window full of chunks. */
export interface OutputFlow {
  readonly closed: boolean
  /** Settles when the stream has ended or failed: a terminal without a process fails with EIO. */
  add(stream: Socket, onChunk: (chunk: Uint8Array) => void): Promise<void>
  /** Settles when one more chunk may be given. */
  room(): Promise<void>
  /** A chunk that no stream has read. */
  give(chunk: Uint8Array, onChunk: (chunk: Uint8Array) => void): void
  /** One chunk was taken by its consumer. */
  taken(): void
  close(): void
  /** Waits for `ended`, and closes when nothing more comes meanwhile. */
  closeWhenQuiet(ended: Promise<void>): Promise<void>
}

/** Output that something outside the step still holds open does not keep the step. */
const lingerMs = 200
const lingerTurns = 4

export function createOutputFlow(): OutputFlow {
  const open = new Set<Socket>()
  let pending = 0
  let closed = false
  let quietTurns = 0
  let makeRoom = () => {}
  const close = () => {
    closed = true
    makeRoom()
    for (const stream of open) stream.destroy()
  }
  const give: OutputFlow['give'] = (chunk, onChunk) => {
    quietTurns = 0
    if (++pending >= outputWindow) for (const stream of open) stream.pause()
    onChunk(chunk)
  }
  return {
    get closed() {
      return closed
    },
    give,
    close,
    add(stream, onChunk) {
      open.add(stream)
      stream.on('data', (chunk: Buffer) => give(chunk, onChunk))
      stream.on('error', () => stream.destroy())
      if (pending >= outputWindow) stream.pause()
      if (closed) stream.destroy()
      return new Promise((resolve) => {
        stream.once('close', () => {
          open.delete(stream)
          resolve()
        })
      })
    },
    async room() {
      if (pending < outputWindow || closed) return
      await new Promise<void>((resolve) => {
        makeRoom = resolve
      })
    },
    taken() {
      quietTurns = 0
      if (--pending >= outputWindow) return
      makeRoom()
      for (const stream of open) stream.resume()
    },
    async closeWhenQuiet(ended) {
      quietTurns = 0
      // In turns and not by the clock: between two of them the streams were looked at, however busy the machine is.
      const timer = setInterval(() => {
        if (pending < outputWindow && ++quietTurns > lingerTurns) close()
      }, lingerMs / lingerTurns)
      await ended
      clearInterval(timer)
    },
  }
}
