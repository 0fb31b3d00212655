import type { CheckPhase, CheckReport, Finding } from '@tsbuild/core'
import { Option } from 'commander'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import type { Io } from '../io.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly repair?: boolean
  readonly deep?: boolean
  readonly format: 'text' | 'json'
}

export const fsck: CliCommand = {
  summary: 'Check the root folder, and mend it',
  define(command) {
    command.option('--repair', 'take away what is wrong, so that it is fetched or made again')
    command.option('--deep', 'also read every layer and compare it with its digest')
    command.addOption(new Option('--format <format>', 'text or json').choices(['text', 'json']).default('text'))
    addRootFlag(command)
    const exits = 'Exits with 1 when something is wrong that was not repaired. Builds may go on meanwhile.'
    command.addHelpText('after', `\nExample:\n  tsbuild fsck --repair\n\n${exits}`)
  },
  async run(command, io) {
    const { repair = false, deep = false, format, ...flags } = command.opts<Flags>()
    await using engine = await openEngine(flags)
    const progress = progressLine(io)
    const report = await engine
      .check({ repair, deep, signal: io.signal, onProgress: progress.show })
      .finally(() => progress.clear())
    const stdout = format === 'json' ? `${JSON.stringify(report)}\n` : describe(report, repair)
    return { stdout, exitCode: report.clean ? 0 : 1 }
  },
}

function describe({ findings, clean }: CheckReport, repair: boolean): string {
  const errors = findings.filter(({ severity }) => severity === 'error').length
  const left = findings.length - errors
  const lines = findings.map((finding) => line(finding, repair))
  const count = (number: number, one: string, many: string) => `${number} ${number === 1 ? one : many}`
  const parts = [
    ...(errors === 0 ? [] : [count(errors, 'error', 'errors')]),
    ...(left === 0 ? [] : [count(left, 'leftover', 'leftovers')]),
  ]
  const hint = !clean && !repair ? ' Run "tsbuild fsck --repair" to mend.' : ''
  const end = findings.length === 0 ? 'Nothing is wrong.' : `Found ${parts.join(' and ')}.${hint}`
  return [...lines, end].map((text) => `${text}\n`).join('')
}

function line({ kind, severity, subject, state, repair, repaired }: Finding, asked: boolean): string {
  const end = repaired ? 'repaired' : asked ? 'not repaired' : `repair: ${repair}`
  return `${severity} ${kind} ${subject}: ${state} (${end})`
}

/** One line on a terminal that says how far it is, and nothing elsewhere. */
function progressLine({ stderr }: Io) {
  let shown = ''
  let next = 0
  return {
    show(phase: CheckPhase, done: number, total?: number) {
      if (!stderr.isTTY || Date.now() < next) return
      next = Date.now() + 100
      const far = total === undefined || total === 0 ? String(done) : `${Math.floor((100 * done) / total)}%`
      shown = `checking ${phase} ${far}`
      stderr.write(`\r\u001b[K${shown}`)
    },
    clear() {
      if (shown !== '') stderr.write('\r\u001b[K')
    },
  }
}
