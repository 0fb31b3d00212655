import { Socket } from 'node:net'
import { outputWindow } from './launcher-protocol.js'

/** The output of a step as it is read from its pipes. */
export interface StepOutput {
  /** One chunk was taken by its consumer. */
  taken(): void
  /** Settles when all write ends are closed and everything was handed on. */
  readonly ended: Promise<void>
  /** Gives up on what may still come. */
  close(): void
}

/** Reads both pipes, at most `outputWindow` chunks ahead of the consumer: a fast step waits for a slow reader, as on a terminal. */
export function readOutput(
  fds: { readonly stdout: number; readonly stderr: number },
  onChunk: (stream: 'stdout' | 'stderr', chunk: Uint8Array) => void,
): StepOutput {
  let pending = 0
  const sockets = (['stdout', 'stderr'] as const).map((stream) => {
    const socket = new Socket({ fd: fds[stream], readable: true, writable: false })
    socket.on('data', (chunk: Buffer) => {
      if (++pending >= outputWindow) for (const other of sockets) other.pause()
      onChunk(stream, chunk)
    })
    return socket
  })
  const ends = sockets.map(
    (socket) =>
      new Promise<void>((resolve) => {
        socket.on('close', () => resolve())
        socket.on('error', () => socket.destroy())
      }),
  )
  return {
    taken() {
      if (--pending < outputWindow) for (const socket of sockets) socket.resume()
    },
    ended: Promise.all(ends).then(() => {}),
    close() {
      for (const socket of sockets) socket.destroy()
    },
  }
}
