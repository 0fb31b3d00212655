import type { Command } from 'commander'
import type { CommandResult, Io } from '../io.js'

/** One verb of the command line. */
export interface CliCommand {
  /** One line for the list of commands. */
  readonly summary: string
  /** What stands behind the first argument is all arguments, as in `run IMAGE ls -l`. Default false. */
  readonly operandsEndOptions?: boolean
  /** Adds arguments, options and help to a command that has its name and description already. */
  define(command: Command): void
  /** Carries it out; `command` has the parsed arguments and options. */
  run(command: Command, io: Io): Promise<CommandResult>
}

/** A noun with verbs of its own, such as `registry serve`. */
export interface CliGroup {
  readonly summary: string
  readonly commands: Readonly<Record<string, CliCommand>>
}

export type CliEntry = CliCommand | CliGroup

export function isGroup(entry: CliEntry): entry is CliGroup {
  return 'commands' in entry
}
