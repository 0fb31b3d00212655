import type { Command } from 'commander'
import { badFlag } from './errors.js'

/** Docker's users write `--pull=true` and `--human=false`: turns these into the flag, or into nothing, or into `--no-…`. */
export function normalizeBooleans(command: Command, args: readonly string[]): string[] {
  const takesNoValue = command.options.filter(({ required, optional }) => !required && !optional)
  const booleans = new Set(takesNoValue.map(({ long }) => long))
  const out: string[] = []
  for (const [index, arg] of args.entries()) {
    if (arg === '--') return [...out, ...args.slice(index)]
    const match = /^(--[a-z-]+)=(.*)$/.exec(arg)
    const [, flag = '', value = ''] = match ?? []
    if (match === null || !booleans.has(flag)) out.push(arg)
    else if (parseBoolean(flag, value)) out.push(flag)
    else if (booleans.has(`--no-${flag.slice(2)}`)) out.push(`--no-${flag.slice(2)}`)
  }
  return out
}

/** A boolean as Go's flag package reads it. @throws {CliError} `ARGUMENT_INVALID` */
export function parseBoolean(flag: string, value: string): boolean {
  if (/^(1|t|T|true|TRUE|True)$/.test(value)) return true
  if (/^(0|f|F|false|FALSE|False)$/.test(value)) return false
  throw badFlag(flag, value, 'not true or false')
}
