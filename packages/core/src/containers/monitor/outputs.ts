import type { Socket } from 'node:net'
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import { drained } from './drained.js'
import { encodeFrame } from './frames.js'
import type { LogFile } from './log-file.js'

/** How often it is looked whether a process has ended whose output nobody takes. */
const lookAgainMs = 250

/** Where a container's output goes: into its log, and to everyone who is attached. */
export class Outputs {
  readonly #log: LogFile
  readonly #attached = new Set<Socket>()
  #lost = false

  constructor(log: LogFile) {
    this.#log = log
  }

  attach(socket: Socket): void {
    this.#attached.add(socket)
    socket.once('close', () => this.#attached.delete(socket))
  }

  detach(socket: Socket): void {
    this.#attached.delete(socket)
  }

  /** A disk without room for the log is no reason to end the container: what can't be kept is lost. */
  #keep(stream: 'stdout' | 'stderr', chunk: Uint8Array): void {
    try {
      this.#log.write(stream, chunk)
    } catch (error) {
      if (!this.#lost) console.error(error)
      this.#lost = true
    }
  }

  /** Pending while someone who is attached has too much unread: the container waits then, as it would for a pipe's reader. What is
   * left at its end waits for nobody.
   * @param hasEnded whether the container's process is gone */
  async take(stream: 'stdout' | 'stderr', chunk: Uint8Array, hasEnded: () => boolean): Promise<void> {
    this.#keep(stream, chunk)
    // Somebody who prints without end must not keep this thread from its other business.
    await nextTurn()
    if (this.#attached.size === 0) return
    const frame = encodeFrame(stream, chunk)
    const slow = [...this.#attached].filter((socket) => !socket.destroyed && !socket.write(frame))
    if (slow.length > 0 && !hasEnded()) await allDrained(slow, hasEnded)
  }
}

async function allDrained(sockets: readonly Socket[], hasEnded: () => boolean): Promise<void> {
  const over = new AbortController()
  const all = Promise.all(sockets.map(drained)).then(() => over.abort())
  const given = async () => {
    while (!over.signal.aborted && !hasEnded()) {
      await delay(lookAgainMs, undefined, { signal: over.signal }).catch(() => {})
    }
  }
  await Promise.race([all, given()])
  over.abort()
}
