import { Command, CommanderError } from 'commander'
import { normalizeBooleans } from './booleans.js'
import { type CliCommand, type CliEntry, isGroup } from './commands/command.js'
import { commands } from './commands/index.js'
import { formatError } from './error-report.js'
import type { CommandResult, Io } from './io.js'
import { version } from './version.js'

const footer = `
Exit codes: 1 for what went wrong, 125 for flags that are not understood, 130 after Ctrl-C.`

/** Runs one command line. Never throws: errors become text and an exit code. */
export async function runProgram(args: readonly string[], io: Io): Promise<CommandResult> {
  const printed = { out: '', err: '' }
  try {
    const result = await runEntries({ name: 'tsbuild', entries: commands }, asHelp(args), io, printed)
    return { ...result, stdout: printed.out + (result.stdout ?? '') }
  } catch (error) {
    if (error instanceof CommanderError) return usageResult(error, printed)
    return formatError(error, io)
  }
}

/** `help build` means `build --help`. */
function asHelp(args: readonly string[]): readonly string[] {
  return args[0] === 'help' && args[1] !== undefined ? [...args.slice(1), '--help'] : args
}

interface Level {
  /** The words of the command line that lead here. */
  readonly name: string
  /** What a group is for; the program itself has none. */
  readonly summary?: string
  readonly entries: Readonly<Record<string, CliEntry>>
}

async function runEntries(level: Level, args: readonly string[], io: Io, printed: Printed): Promise<CommandResult> {
  const [word = '', ...rest] = args
  const entry = Object.hasOwn(level.entries, word) ? level.entries[word] : undefined
  if (entry === undefined) return noCommand(level, args, printed)
  const name = `${level.name} ${word}`
  if (!isGroup(entry)) return runCommand(name, entry, rest, io, printed)
  return runEntries({ name, summary: entry.summary, entries: entry.commands }, rest, io, printed)
}

interface Printed {
  out: string
  err: string
}

async function runCommand(
  name: string,
  verb: CliCommand,
  args: readonly string[],
  io: Io,
  printed: Printed,
): Promise<CommandResult> {
  const command = new Command(name).description(verb.summary)
  prepare(command, printed)
  verb.define(command)
  if (verb.operandsEndOptions) command.passThroughOptions()
  command.parse(normalizeBooleans(command, args, verb.operandsEndOptions), { from: 'user' })
  return verb.run(command, io)
}

/** Help, or an error that suggests the nearest command. */
function noCommand({ name, summary, entries }: Level, args: readonly string[], printed: Printed): CommandResult {
  const program = new Command(name).description(summary ?? 'Builds Dockerfiles without a daemon')
  if (summary === undefined) program.version(`tsbuild version ${version}`, '-v, --version')
  prepare(program, printed)
  program.usage('COMMAND [options]').helpCommand(false).addHelpText('after', footer)
  for (const [word, { summary }] of Object.entries(entries).filter(([name]) => !name.startsWith('_'))) {
    program.command(word).description(summary).helpOption(false)
  }
  if (args.length === 0 || args[0] === 'help') return { stdout: `${program.helpInformation()}${footer}\n` }
  program.parse([...args], { from: 'user' })
  return {}
}

function prepare(command: Command, printed: Printed): void {
  command.exitOverride().showHelpAfterError(`Run "${command.name()} --help" for what it takes.`)
  // Descriptions name their defaults and choices themselves.
  command.configureHelp({ optionDescription: ({ description }) => description })
  command.configureOutput({
    writeOut: (text) => {
      printed.out += text
    },
    writeErr: (text) => {
      printed.err += text
    },
    outputError: (text, write) => write(text.replace(/^error: /, 'ERROR: ')),
    getOutHelpWidth: () => 100,
  })
}

/** Commander has printed already; unknown and malformed flags exit with 125, as Docker's do. */
function usageResult(error: CommanderError, printed: Printed): CommandResult {
  const isFlag = ['commander.unknownOption', 'commander.optionMissingArgument', 'commander.invalidArgument'].includes(
    error.code,
  )
  const exitCode = error.exitCode === 0 ? 0 : isFlag ? 125 : 1
  return { stdout: printed.out, stderr: printed.err, exitCode }
}
