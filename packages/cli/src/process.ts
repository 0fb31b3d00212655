import { once } from 'node:events'
import { CliError } from './errors.js'
import type { Io, Terminal } from './io.js'
import { runProgram } from './program.js'
import { showCursor } from './progress/cursor.js'

/** Runs the program on this process: its streams, its signals, its exit code. */
export async function runProcess(args: readonly string[]): Promise<void> {
  const controller = new AbortController()
  wireSignals(controller)
  wireStreams(controller)
  const { stdin, stdout, stderr, env } = process
  const io: Io = { signal: controller.signal, env, stdin, stdout, stderr }
  const { exitCode = 0, ...output } = await runProgram(args, io)
  await print(stdout, output.stdout)
  await print(stderr, output.stderr)
  process.exit(exitCode)
}

/** The first signal ends the work in good order, the second ends the process at once. */
function wireSignals(controller: AbortController): void {
  for (const [name, exitCode] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) {
        showCursor(process.stderr)
        process.exit(exitCode)
      }
      controller.abort(new CliError('CANCELED', `Canceled by ${name}`, { exitCode }))
    })
  }
}

/** A reader that went away (`| head`) is no crash; who still writes is told to stop. */
function wireStreams(controller: AbortController): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    controller.abort(
      new CliError('OUTPUT_CLOSED', 'Cannot write to standard output: its reader is gone', { cause: error }),
    )
  })
  process.stderr.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

async function print(stream: Terminal, text: string | undefined): Promise<void> {
  if (text === undefined || text === '' || stream.destroyed) return
  if (!stream.write(text) && stream.writableNeedDrain) {
    await Promise.race([once(stream, 'drain'), once(stream, 'close')]).catch(() => {})
  }
}
