import type { Command } from 'commander'
import { badFlag } from './errors.js'

/** Docker's users write `--pull=true` and `--human=false`: turns these into the flag, or into nothing, or into `--no-…`. A flag with an
 * optional value takes it behind `=` only, never the next word, which may be an argument. */
export function normalizeBooleans(command: Command, args: readonly string[], operandsEndOptions = false): string[] {
  const end = operandsEndOptions ? firstOperand(command, args) : args.length
  const takesNoValue = command.options.filter(({ required, optional }) => !required && !optional)
  const booleans = new Set(takesNoValue.map(({ long }) => long))
  const optional = new Set(
    command.options.filter(({ optional, required }) => optional && !required).map(({ long }) => long),
  )
  const out: string[] = []
  for (const [index, arg] of args.entries()) {
    if (arg === '--' || index === end) return [...out, ...args.slice(index)]
    const match = /^(--[a-z-]+)=(.*)$/.exec(arg)
    const [, flag = '', value = ''] = match ?? []
    if (optional.has(arg)) out.push(`${arg}=`)
    else if (match === null || !booleans.has(flag)) out.push(arg)
    else if (parseBoolean(flag, value)) out.push(flag)
    else if (booleans.has(`--no-${flag.slice(2)}`)) out.push(`--no-${flag.slice(2)}`)
  }
  return out
}

/** Where the first word stands that is neither a flag nor the value of one. */
function firstOperand(command: Command, args: readonly string[]): number {
  let index = 0
  while (index < args.length) {
    const arg = args[index] ?? ''
    if (arg === '--' || arg === '-' || !arg.startsWith('-')) return index
    index += takesNext(command, arg) ? 2 : 1
  }
  return index
}

/** `--name`, or the last letter of `-it…e`, wants the next word as its value. */
function takesNext({ options }: Command, arg: string): boolean {
  if (arg.startsWith('--')) return options.some(({ long, required }) => required && long === arg)
  const letters = [...arg.slice(1)]
  const first = letters.findIndex((letter) => options.some(({ short, required }) => required && short === `-${letter}`))
  return first >= 0 && first === letters.length - 1
}

/** A boolean as Go's flag package reads it. @throws {CliError} `ARGUMENT_INVALID` */
export function parseBoolean(flag: string, value: string): boolean {
  if (/^(1|t|T|true|TRUE|True)$/.test(value)) return true
  if (/^(0|f|F|false|FALSE|False)$/.test(value)) return false
  throw badFlag(flag, value, 'not true or false')
}
