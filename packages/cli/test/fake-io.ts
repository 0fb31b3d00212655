import { PassThrough, Readable, Writable } from 'node:stream'
import type { Io, Terminal } from '../dist/io.js'

/** A stream that keeps what is written to it, as a terminal of this size or as a pipe. */
export class Sink extends Writable {
  text = ''
  writes = 0
  columns: number | undefined
  rows: number | undefined
  isTTY: boolean

  constructor(size?: { readonly columns: number; readonly rows: number }) {
    super()
    this.isTTY = size !== undefined
    this.columns = size?.columns
    this.rows = size?.rows
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString('utf8')
    this.writes++
    done()
  }
}

export function asTerminal(sink: Sink): Terminal {
  return sink as unknown as Terminal
}

export interface FakeIo {
  readonly io: Io
  readonly stdout: Sink
  readonly stderr: Sink
}

export function fakeIo(
  options: { readonly env?: Record<string, string>; readonly stdin?: string; readonly tty?: Sink } = {},
): FakeIo {
  const stdout = options.tty ?? new Sink()
  const stderr = new Sink()
  const stdin = options.stdin === undefined ? new PassThrough() : Readable.from([Buffer.from(options.stdin)])
  const io: Io = {
    signal: new AbortController().signal,
    env: options.env ?? {},
    stdin,
    takeSignals: () => () => {},
    stdout: asTerminal(stdout),
    stderr: asTerminal(stderr),
  }
  return { io, stdout, stderr }
}
