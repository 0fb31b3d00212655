import { Command, CommanderError } from 'commander'
import { normalizeBooleans } from './booleans.js'
import type { CliCommand } from './commands/command.js'
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
    const [name = '', ...rest] = args[0] === 'help' && args[1] !== undefined ? [args[1], '--help'] : args
    const verb = Object.hasOwn(commands, name) ? commands[name] : undefined
    const result = verb === undefined ? noCommand(args, printed) : await runCommand(name, verb, rest, io, printed)
    return { ...result, stdout: printed.out + (result.stdout ?? '') }
  } catch (error) {
    if (error instanceof CommanderError) return usageResult(error, printed)
    return formatError(error, io)
  }
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
  const command = new Command(`tsbuild ${name}`).description(verb.summary)
  prepare(command, printed)
  verb.define(command)
  command.parse(normalizeBooleans(command, args), { from: 'user' })
  return verb.run(command, io)
}

/** Help, or an error that suggests the nearest command. */
function noCommand(args: readonly string[], printed: Printed): CommandResult {
  const program = new Command('tsbuild')
    .description('Builds Dockerfiles without a daemon')
    .version(`tsbuild version ${version}`, '-v, --version')
  prepare(program, printed)
  program.usage('COMMAND [options]').helpCommand(false).addHelpText('after', footer)
  for (const [name, { summary }] of Object.entries(commands))
    program.command(name).description(summary).helpOption(false)
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
