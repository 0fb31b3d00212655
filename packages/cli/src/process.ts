import { once } from 'node:events'
import { CliError } from './errors.js'
import type { Io, Terminal } from './io.js'
import { runProgram } from './program.js'
import { showCursor } from './progress/cursor.js'

/** Runs the program on this process: its streams, its signals, its exit code. */
export async function runProcess(args: readonly string[]): Promise<void> {
  const controller = new AbortController()
  const io = lazyIo(controller, wireSignals(controller))
  const { exitCode = 0, ...output } = await runProgram(args, io)
  await print(() => io.stdout, output.stdout)
  await print(() => io.stderr, output.stderr)
  process.exit(exitCode)
}

/** The first signal ends the work in good order, the second ends the process at once; unless a command takes them all. */
function wireSignals(controller: AbortController): Io['takeSignals'] {
  let taker: ((signal: NodeJS.Signals) => void) | undefined
  for (const [name, exitCode] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.on(name, () => {
      if (taker !== undefined) return taker(name)
      if (controller.signal.aborted) {
        showCursor(process.stderr)
        process.exit(exitCode)
      }
      controller.abort(new CliError('CANCELED', `Canceled by ${name}`, { exitCode }))
    })
  }
  return (handler) => {
    taker = handler
    for (const name of furtherSignals) process.on(name, handler)
    return () => {
      taker = undefined
      for (const name of furtherSignals) process.off(name, handler)
    }
  }
}

/** Left alone unless a command wants them. SIGUSR1 is Node's own. */
const furtherSignals = ['SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGCONT'] as const

/** Streams are opened when they are first used: each costs milliseconds. A reader that went away (`| head`) is no crash; who still
 * writes is told to stop. */
function lazyIo(controller: AbortController, takeSignals: Io['takeSignals']): Io {
  let stdout: Terminal | undefined
  let stderr: Terminal | undefined
  return {
    signal: controller.signal,
    env: process.env,
    takeSignals,
    get stdin() {
      return process.stdin
    },
    get stdout() {
      stdout ??= process.stdout.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EPIPE') throw error
        controller.abort(
          new CliError('OUTPUT_CLOSED', 'Cannot write to standard output: its reader is gone', { cause: error }),
        )
      })
      return stdout
    },
    get stderr() {
      stderr ??= process.stderr.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EPIPE') throw error
      })
      return stderr
    },
  }
}

async function print(open: () => Terminal, text: string | undefined): Promise<void> {
  if (text === undefined || text === '') return
  const stream = open()
  if (stream.destroyed) return
  if (!stream.write(text) && stream.writableNeedDrain) {
    await Promise.race([once(stream, 'drain'), once(stream, 'close')]).catch(() => {})
  }
}
