import { ParseError } from '../errors.js'

export function invalid(message: string, hint?: string): never {
  throw new ParseError('INSTRUCTION_INVALID', message, hint === undefined ? {} : { hint })
}

export function requireArguments(name: string, args: readonly string[]): void {
  if (args.length === 0) invalid(`${name} requires at least one argument`)
}

export function exactlyOneArgument(name: string, args: readonly string[]): string {
  const [only] = args
  if (only === undefined || args.length !== 1) return invalid(`${name} requires exactly one argument`)
  return only
}

/** What stands behind the name in the first comment line that starts with it. */
export function describedIn(comments: readonly string[], name: string): { readonly comment?: string } {
  const line = name === '' ? undefined : comments.find((comment) => comment.startsWith(`${name} `))
  return line === undefined ? {} : { comment: line.slice(name.length + 1) }
}
