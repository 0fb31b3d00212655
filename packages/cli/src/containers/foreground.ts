import type { Attachment, AttachOptions } from '@tsbuild/core'
import { CliError } from '../errors.js'
import type { Io, Terminal } from '../io.js'
import { writeBytes } from '../write-bytes.js'
import { DetachFilter } from './detach-keys.js'

export interface ForegroundOptions {
  /** The container has a terminal. */
  readonly terminal: boolean
  /** Send it what is typed. */
  readonly stdin: boolean
  /** Pass signals on. */
  readonly signals: boolean
  readonly detachKeys: Buffer
}

/** Ctrl-C of somebody whose container does not listen to it. */
const patience = 3

/** What a terminal shows while a container is attached to it. */
export interface Foreground extends Disposable {
  /** Connects both by `begin`, which starts the container or attaches to it, and waits: for its end, then this is its exit code, or
   * for the detach keys: then it goes on alone. */
  follow(begin: (attach: AttachOptions) => Promise<Attachment | undefined>): Promise<number | 'detached'>
}

/** Prepares the terminal. Disposing it brings it back to what it was.
 * @throws {CliError} `USAGE` when standard input should be a terminal and is none */
export function openForeground(io: Io, options: ForegroundOptions): Foreground {
  const { stdin } = io
  const raw = options.terminal && options.stdin
  if (raw && !stdin.isTTY) throw new CliError('USAGE', 'Cannot attach: the input device is not a TTY')
  const closers: (() => unknown)[] = []
  return {
    async follow(begin) {
      // Its output may show that it runs before the answer does, so signals are its own from here on.
      const signals = options.signals && !raw ? passOn(io) : undefined
      if (signals !== undefined) closers.push(io.takeSignals(signals.take))
      await using attachment = await begin(attachOptions(io, options))
      if (attachment === undefined) return 0
      signals?.connect(attachment)
      if (raw) {
        stdin.setRawMode?.(true)
        closers.push(() => stdin.setRawMode?.(false))
      }
      if (options.terminal) closers.push(followSize(io.stdout, attachment))
      const detached = options.stdin ? feed(io, attachment, options, closers) : never<'detached'>()
      return await Promise.race([attachment.ended, detached, outputLost(io)])
    },
    [Symbol.dispose]() {
      for (const close of closers.splice(0).reverse()) close()
      stdin.pause()
    },
  }
}

function attachOptions(io: Io, { terminal, stdin }: ForegroundOptions): AttachOptions {
  const size = terminal ? sizeOf(io.stdout) : undefined
  return {
    stdin,
    ...(size === undefined ? {} : { size }),
    onOutput: (stream, chunk) => writeBytes(stream === 'stdout' ? io.stdout : io.stderr, chunk, io.signal),
  }
}

function never<T>(): Promise<T> {
  return new Promise(() => {})
}

function sizeOf({ columns, rows }: Terminal) {
  return columns === undefined || rows === undefined ? undefined : { columns, rows }
}

function followSize(stdout: Terminal, attachment: Attachment): () => void {
  const onResize = () => {
    const size = sizeOf(stdout)
    if (size !== undefined) attachment.resize(size)
  }
  stdout.on('resize', onResize)
  return () => stdout.off('resize', onResize)
}

/** Passes signals on, those that come too early as soon as the container is there. Whoever presses Ctrl-C often enough gets the prompt
 * back; the container goes on. */
function passOn(io: Io) {
  let attachment: Attachment | undefined
  let early: NodeJS.Signals[] = []
  let asked = 0
  // It may have ended at this very moment.
  const pass = (signal: NodeJS.Signals) => void attachment?.kill(signal).catch(() => {})
  return {
    take(signal: NodeJS.Signals) {
      if (signal === 'SIGINT' || signal === 'SIGTERM') asked++
      if (asked === patience) {
        io.stderr.write(`\ngot ${patience} SIGTERM/SIGINTs, forcefully exiting\n`)
        process.exit(1)
      }
      if (attachment === undefined) early.push(signal)
      else pass(signal)
    },
    connect(to: Attachment) {
      attachment = to
      early.forEach(pass)
      early = []
    },
  }
}

/** Until the input ends, or the detach keys are typed. */
async function feed(
  { stdin }: Io,
  attachment: Attachment,
  { terminal, detachKeys }: ForegroundOptions,
  closers: (() => unknown)[],
): Promise<'detached'> {
  const filter = new DetachFilter(detachKeys)
  closers.push(() => stdin.destroy())
  try {
    for await (const chunk of stdin as AsyncIterable<Buffer>) {
      const bytes = terminal ? filter.add(chunk) : chunk
      if (bytes === undefined) return 'detached'
      await attachment.write(bytes)
    }
  } catch {
    // The terminal is gone, or this ends.
  }
  attachment.endInput()
  return await never()
}

/** Rejects when nobody reads the output any more. */
function outputLost({ signal }: Io): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
