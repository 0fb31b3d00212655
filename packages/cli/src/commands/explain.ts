import type { BuildReport, ReportedStep } from '@tsbuild/core'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import { CliError } from '../errors.js'
import { formatSince } from '../format/age.js'
import { formatSeconds } from '../format/seconds.js'
import { plainText } from '../progress/width.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly format?: string
  readonly build: string
}

export const explain: CliCommand = {
  summary: 'Tell why the steps of the last build were not cached',
  define(command) {
    command.argument('[STEP]', 'only this step: its number in the list, or a part of its name')
    command.option('--build <number>', 'an earlier build: 1 is the last one, 2 the one before (20 are kept)', '1')
    command.option('--format <format>', '"text" or "json"', 'text')
    addRootFlag(command)
    command.addHelpText('after', "\nExamples:\n  tsbuild explain\n  tsbuild explain 'RUN make'")
  },
  async run(command) {
    const flags = command.opts<Flags>()
    if (flags.format !== 'text' && flags.format !== 'json')
      throw new CliError('ARGUMENT_INVALID', `Cannot use --format "${flags.format}": not text or json`)
    await using engine = await openEngine(flags)
    const report = pick(await engine.builds(), flags.build)
    const steps = find(report, command.args[0])
    if (flags.format === 'json')
      return { stdout: `${JSON.stringify({ ...report, steps: steps.map(([, step]) => step) })}\n` }
    return { stdout: `${head(report)}\n${steps.map(([number, step]) => lineOf(number, step)).join('')}` }
  },
}

function pick(reports: readonly BuildReport[], build: string): BuildReport {
  if (!/^[1-9]\d*$/.test(build))
    throw new CliError('ARGUMENT_INVALID', `Cannot use --build "${build}": not a number from 1 on`)
  const report = reports[Number(build) - 1]
  if (report !== undefined) return report
  const known = reports.length === 0 ? 'none is' : `only ${reports.length} are`
  throw new CliError('ARGUMENT_INVALID', `Cannot explain build ${build}: ${known} remembered in this root`)
}

function find({ steps }: BuildReport, wanted: string | undefined): [number: number, step: ReportedStep][] {
  const numbered = steps.map((step, index): [number, ReportedStep] => [index + 1, step])
  if (wanted === undefined) return numbered
  const lower = wanted.toLowerCase()
  const found = /^\d+$/.test(wanted)
    ? numbered.filter(([number]) => number === Number(wanted))
    : numbered.filter(([, { name }]) => name.toLowerCase().includes(lower))
  if (found.length > 0) return found
  throw new CliError('ARGUMENT_INVALID', `Cannot explain step "${wanted}": the build had none`, {
    hint: 'tsbuild explain lists all of them',
  })
}

function head({ context, startedAt, durationMs, outcome, steps }: BuildReport): string {
  const cached = steps.filter((step) => step.outcome === 'cached').length
  const since = formatSince(new Date(startedAt).toISOString(), Date.now())
  return `Build of ${context}, ${since}: ${outcome} in ${formatSeconds(durationMs)}, ${cached} of ${steps.length} steps cached`
}

const words: Readonly<Record<ReportedStep['outcome'], string>> = {
  cached: 'CACHED',
  ran: 'ran',
  failed: 'FAILED',
  canceled: 'not run',
}

function lineOf(number: number, { name, outcome, why, durationMs }: ReportedStep): string {
  const time = outcome === 'ran' ? ` ${formatSeconds(durationMs)}` : ''
  const cause = why === undefined ? '' : `   ${plainText(why)}\n`
  return `#${number} ${plainText(name)}: ${words[outcome]}${time}\n${cause}`
}
