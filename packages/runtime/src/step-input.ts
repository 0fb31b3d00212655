import { Socket } from 'node:net'
import { hasErrno, openHost } from '@tsbuild/host'

/** Where the input of a step goes. */
export interface StepInput {
  /** Whether the process may read more, told once it can take more than `chunk`. */
  write(chunk: Uint8Array): Promise<boolean>
  /** End of the input. A terminal has none. */
  end(): void
  close(): void
}

const fullTerminalMs = 10

/** @param fd the write end of a pipe, closed with the input */
export function writePipe(fd: number): StepInput {
  const socket = new Socket({ fd, readable: false, writable: true })
  let open = true
  socket.on('error', () => {
    open = false
  })
  return {
    write: (chunk) =>
      new Promise((resolve) => {
        if (!open || socket.destroyed) resolve(false)
        else socket.write(chunk, (error) => resolve(!error))
      }),
    end: () => void socket.end(),
    close: () => void socket.destroy(),
  }
}

/** @param master of a terminal; it does not block, and stays the caller's */
export function writeTerminal(master: number): StepInput {
  let open = true
  let last = Promise.resolve(true)
  const writeAll = async (chunk: Uint8Array): Promise<boolean> => {
    for (let at = 0; open && at < chunk.length; ) {
      try {
        const count = openHost().writeNow(master, chunk.subarray(at))
        at += count
        // A terminal takes a line of a few thousand bytes ahead of its reader, and does not tell when it takes more.
        if (count === 0) await new Promise((resolve) => setTimeout(resolve, fullTerminalMs))
      } catch (error) {
        // Nobody has the terminal open just now: what is typed then is lost, as on a real one.
        if (hasErrno(error, 'EIO')) return open
        throw error
      }
    }
    return open
  }
  return {
    write(chunk) {
      last = last.then(() => writeAll(chunk))
      return last
    },
    end() {},
    close() {
      open = false
    },
  }
}
