import { PassThrough, type Readable } from 'node:stream'
import type { ExecOptions } from '@tsbuild/core'
import { CliError } from '../errors.js'
import type { Io } from '../io.js'
import { DetachFilter } from './detach-keys.js'

export interface ExecTerminalOptions {
  readonly terminal: boolean
  readonly stdin: boolean
  readonly detachKeys: Buffer
}

/** What a terminal shows while a further process of a container runs on it. */
export interface ExecTerminal extends Disposable {
  readonly options: Pick<ExecOptions, 'stdin' | 'stdout' | 'stderr' | 'terminal' | 'onStart' | 'signal'>
}

const defaultSize = { columns: 80, rows: 24 }

/** Prepares the terminal; disposing it brings it back. The detach keys end the process: it belongs to this program.
 * @throws {CliError} `USAGE` when standard input should be a terminal and is none */
export function openExecTerminal(io: Io, { terminal, stdin, detachKeys }: ExecTerminalOptions): ExecTerminal {
  const raw = terminal && stdin
  if (raw && !io.stdin.isTTY) throw new CliError('USAGE', 'Cannot attach: the input device is not a TTY')
  const { columns, rows } = io.stdout
  const size = columns === undefined || rows === undefined ? defaultSize : { columns, rows }
  const closers: (() => unknown)[] = []
  const detached = new AbortController()
  if (raw) {
    io.stdin.setRawMode?.(true)
    closers.push(() => io.stdin.setRawMode?.(false))
  }
  const onDetach = () => detached.abort(new CliError('CANCELED', 'Detached', { exitCode: 0 }))
  return {
    options: {
      signal: AbortSignal.any([io.signal, detached.signal]),
      stdout: io.stdout,
      stderr: io.stderr,
      ...(terminal ? { terminal: size } : {}),
      ...(stdin ? { stdin: raw ? filtered(io.stdin, detachKeys, onDetach) : io.stdin } : {}),
      onStart({ resize }) {
        if (!terminal) return
        const onResize = () => resize({ columns: io.stdout.columns ?? 80, rows: io.stdout.rows ?? 24 })
        io.stdout.on('resize', onResize)
        closers.push(() => io.stdout.off('resize', onResize))
      },
    },
    [Symbol.dispose]() {
      for (const close of closers.splice(0).reverse()) close()
      io.stdin.pause()
    },
  }
}

function filtered(stdin: Readable, keys: Buffer, onDetach: () => void): Readable {
  const filter = new DetachFilter(keys)
  const out = new PassThrough()
  stdin.on('data', (chunk: Buffer) => {
    const bytes = filter.add(chunk)
    if (bytes === undefined) onDetach()
    else out.write(bytes)
  })
  stdin.on('end', () => out.end())
  return out
}
