import type { PlannedStep, PlanResult } from '@tsbuild/core'
import { type BuildFlags, defineGraphFlags } from '../build/flags.js'
import { buildOptions } from '../build/options.js'
import { addRootFlag, openEngine } from '../engine.js'
import { type Column, formatList, type Row } from '../format/list.js'
import { formatSeconds } from '../format/seconds.js'
import type { Io } from '../io.js'
import { plainText, truncate } from '../progress/width.js'
import { readStdin } from '../read-dockerfile.js'
import type { CliCommand } from './command.js'

interface Flags extends BuildFlags {
  readonly format?: string
  readonly trunc: boolean
}

const columns: readonly Column[] = [
  ['STEP', 'Step'],
  ['RESULT', 'Result'],
  ['LAST TIME', 'LastTime'],
  ['CAUSE', 'Cause'],
]
/** Columns of a step's name and of a cause, unless they are asked for whole. */
const shownWidth = 60

export const plan: CliCommand = {
  summary: 'Tell what a build would take from the cache, without building',
  define(command) {
    defineGraphFlags(command)
    command.option('--format <format>', '"table", "json", "table TEMPLATE" or a Go template')
    command.option('--no-trunc', 'whole names and causes')
    addRootFlag(command)
    command.addHelpText(
      'after',
      '\nExample:\n  tsbuild plan --build-arg VERSION=1.3 .\n\n"unknown" is a step that depends on what another one makes, which has to run first.',
    )
  },
  async run(command, io) {
    const unused = { tag: [], label: [], annotation: [], output: [], cacheTo: [] }
    const flags = { ...command.opts<Flags>(), ...unused }
    const options = buildOptions(flags, command.args, io.env)
    const text = await fromStdin(flags, io, options.context)
    await using engine = await openEngine(flags)
    const result = await engine.plan({ ...options, ...text, signal: io.signal })
    const stderr = result.warnings.map((warning) => `WARNING: ${warning}\n`).join('')
    if (flags.format === 'json') return { stdout: `${JSON.stringify(result)}\n`, stderr }
    const rows = result.steps.map((step) => rowOf(step, flags.trunc))
    const total = flags.format === undefined || flags.format === 'table' ? totalOf(result) : ''
    return { stdout: `${formatList(rows, columns, flags.format)}${total}`, stderr }
  },
}

async function fromStdin({ file }: Flags, io: Io, context: unknown) {
  if (context === '-') return { context: io.stdin }
  return file === '-' ? { dockerfileText: await readStdin(io) } : {}
}

function rowOf({ name, outcome, why = '', lastMs }: PlannedStep, trunc: boolean): Row {
  const short = (text: string) => (trunc ? truncate(plainText(text), shownWidth) : plainText(text))
  return {
    Step: short(name),
    Result: outcome,
    LastTime: lastMs === undefined ? '-' : formatSeconds(lastMs),
    Cause: short(why),
  }
}

function totalOf({ hits, misses, unknown, estimateMs, estimateMaxMs, untimed }: PlanResult): string {
  const counts = `\n${hits} hit, ${misses} miss, ${unknown} unknown`
  const most = unknown > 0 && estimateMaxMs > estimateMs ? ` to ${formatSeconds(estimateMaxMs)}` : ''
  const more = untimed > 0 ? `, and ${untimed} not timed yet` : ''
  return misses + unknown === 0 ? `${counts}\n` : `${counts}; about ${formatSeconds(estimateMs)}${most}${more}\n`
}
