import type { LogEntry } from '@tsbuild/core'
import { timeFlag } from '../containers/duration.js'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import { badFlag } from '../errors.js'
import { writeBytes } from '../write-bytes.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly follow?: boolean
  readonly since?: string
  readonly tail: string
  readonly timestamps?: boolean
  readonly until?: string
}

export const logs: CliCommand = {
  summary: 'Show what a container printed',
  define(command) {
    command.argument('<CONTAINER>', 'name or id')
    command.option('-f, --follow', 'go on until the container ends')
    command.option('--since <time>', 'from then on: RFC 3339, seconds since 1970, or a duration ago')
    command.option('-n, --tail <lines>', 'the last lines only, or all', 'all')
    command.option('-t, --timestamps', 'with the time of each line')
    command.option('--until <time>', 'up to then')
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild logs -f --tail 20 web')
  },
  async run(command, io) {
    const flags = command.opts<Flags>()
    const now = Date.now()
    const tail = tailOf(flags.tail)
    const options = {
      follow: flags.follow === true,
      signal: io.signal,
      ...(tail === undefined ? {} : { tail }),
      ...(flags.since === undefined ? {} : { since: timeFlag('--since', flags.since, now) }),
      ...(flags.until === undefined ? {} : { until: timeFlag('--until', flags.until, now) }),
    }
    await using engine = await openEngine(flags)
    const container = await engine.containers.get(command.args[0] ?? '')
    const stamps = new LineStamps(flags.timestamps === true)
    for await (const entry of container.logs(options)) {
      await writeBytes(entry.stream === 'stdout' ? io.stdout : io.stderr, stamps.add(entry), io.signal)
    }
    return {}
  },
}

function tailOf(text: string): number | undefined {
  if (text === 'all' || text === '-1') return undefined
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw badFlag('--tail', text, 'not a number of lines or "all"')
}

/** Puts the time before each line, where it begins. */
class LineStamps {
  readonly #wanted: boolean
  readonly #within = { stdout: false, stderr: false }

  constructor(wanted: boolean) {
    this.#wanted = wanted
  }

  add({ stream, at, data }: LogEntry): Uint8Array {
    const begins = !this.#within[stream]
    this.#within[stream] = data.at(-1) !== 0x0a
    if (!this.#wanted || !begins) return data
    return Buffer.concat([Buffer.from(`${new Date(at).toISOString()} `), data])
  }
}
