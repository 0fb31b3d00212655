import { Socket } from 'node:net'
import { ReadStream } from 'node:tty'
import { hasErrno, openHost } from '@tsbuild/host'
import { createOutputFlow, type OutputFlow } from './output-flow.js'

/** The output of a step as it is read. */
export interface StepOutput {
  /** One chunk was taken by its consumer. */
  taken(): void
  /** Settles when nobody has the other end open any more: usually microseconds before the process ends. */
  readonly hungUp: Promise<void>
  /** To be called once the process has ended; settles when what it wrote was handed on. What something else keeps open is given up
   * after a short silence. */
  drain(): Promise<void>
  /** Gives up on what may still come. */
  close(): void
}

export type OnChunk = (stream: 'stdout' | 'stderr', chunk: Uint8Array) => void

/** How often a terminal is looked at that nobody has open. */
const hungUpPollMs = 100
const chunkBytes = 65_536

/** Reads both pipes, at most `outputWindow` chunks ahead of the consumer: a fast step waits for a slow reader, as on a terminal. */
export function readOutput(fds: { readonly stdout: number; readonly stderr: number }, onChunk: OnChunk): StepOutput {
  const flow = createOutputFlow()
  const ends = (['stdout', 'stderr'] as const).map((stream) => {
    const socket = new Socket({ fd: fds[stream], readable: true, writable: false })
    return flow.add(socket, (chunk) => onChunk(stream, chunk))
  })
  const ended = Promise.all(ends).then(() => {})
  return { taken: flow.taken, hungUp: ended, drain: () => flow.closeWhenQuiet(ended), close: flow.close }
}

/** Reads the master of a terminal, which stays the caller's. A terminal that nobody has open may be opened again while its process
 * lives (`/dev/console`). */
export function readTerminal(master: number, onChunk: OnChunk): StepOutput {
  const flow = createOutputFlow()
  const take = (chunk: Uint8Array) => onChunk('stdout', chunk)
  let over = false
  let timer: NodeJS.Timeout | undefined
  let wake = () => {}
  let hangUp = () => {}
  const hungUp = new Promise<void>((resolve) => {
    hangUp = resolve
  })
  const read = async () => {
    for (;;) {
      await flow.add(new ReadStream(openHost().duplicate(master)), take)
      // What the process wrote before it hung up and libuv has left: it takes a short read for the end, and a terminal has no others.
      const open = await readRest(master, flow, take)
      if (open && !flow.closed) continue
      hangUp()
      if (over) return
      await new Promise<void>((resolve) => {
        wake = resolve
        timer = setTimeout(resolve, hungUpPollMs)
      })
    }
  }
  const ended = read()
  const finish = () => {
    over = true
    clearTimeout(timer)
    wake()
  }
  return {
    taken: flow.taken,
    hungUp,
    async drain() {
      finish()
      await flow.closeWhenQuiet(ended)
    },
    close() {
      finish()
      flow.close()
    },
  }
}

/** @returns whether somebody has the terminal open */
async function readRest(master: number, flow: OutputFlow, take: (chunk: Uint8Array) => void): Promise<boolean> {
  const buffer = Buffer.alloc(chunkBytes)
  while (!flow.closed) {
    await flow.room()
    try {
      const count = openHost().readNow(master, buffer)
      if (count === undefined) return true
      if (count === 0) return false
      flow.give(Uint8Array.from(buffer.subarray(0, count)), take)
    } catch (error) {
      if (hasErrno(error, 'EIO')) return false
      throw error
    }
  }
  return false
}
