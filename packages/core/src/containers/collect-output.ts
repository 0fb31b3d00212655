import type { Writable } from 'node:stream'
import type { ExecOptions } from '../api/containers.js'

const mostBytes = 10 << 20

/** Where the output of a process goes: streams of the caller, or the end of it kept as text. */
export interface OutputSink {
  readonly onOutput: (stream: 'stdout' | 'stderr', chunk: Uint8Array) => void | Promise<void>
  text(stream: 'stdout' | 'stderr'): string
}

export function createOutputSink({
  stdout,
  stderr,
  maxOutputBytes = mostBytes,
}: Pick<ExecOptions, 'stdout' | 'stderr' | 'maxOutputBytes'>): OutputSink {
  const streams = { stdout, stderr }
  const kept = { stdout: new Tail(maxOutputBytes), stderr: new Tail(maxOutputBytes) }
  return {
    onOutput(name, chunk) {
      const stream = streams[name]
      if (stream === undefined) return kept[name].add(chunk)
      if (!stream.write(chunk) && stream.writableNeedDrain && !stream.destroyed) return drained(stream)
    },
    text: (name) => kept[name].text(),
  }
}

/** Resolves when a stream takes more, or never will. */
function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done).off('close', done).off('error', done)
      resolve()
    }
    stream.on('drain', done).on('close', done).on('error', done)
  })
}

/** The last bytes of a stream; holds at most twice as many. */
class Tail {
  readonly #limit: number
  #chunks: Uint8Array[] = []
  #bytes = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  add(chunk: Uint8Array): void {
    this.#chunks.push(Buffer.from(chunk))
    this.#bytes += chunk.length
    if (this.#bytes > 2 * this.#limit) this.#trim()
  }

  text(): string {
    this.#trim()
    return Buffer.concat(this.#chunks).toString('utf8')
  }

  #trim(): void {
    const all = Buffer.concat(this.#chunks)
    const last = all.subarray(Math.max(0, all.length - this.#limit))
    this.#chunks = [last]
    this.#bytes = last.length
  }
}
