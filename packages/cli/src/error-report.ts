import { type SourceRange, TsbuildError } from '@tsbuild/spec'
import { CliError } from './errors.js'
import type { CommandResult, Io } from './io.js'

/** What a failed step tells beyond its message; the members of core's BuildError and of the parser's errors, read without loading either. */
interface StepFailure {
  readonly step?: string
  readonly output?: string
  readonly excerpt?: string
  readonly range?: SourceRange
}

/** What went wrong as text for standard error, and the exit code. The stack is shown only with TSBUILD_DEBUG. */
export function formatError(error: unknown, io: Pick<Io, 'env'>): CommandResult {
  const exitCode = error instanceof CliError ? error.exitCode : 1
  const stack = io.env.TSBUILD_DEBUG && error instanceof Error ? `${debugText(error)}\n` : ''
  return { stderr: `${describe(error)}${stack}`, exitCode }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return `ERROR: ${String(error)}\n`
  const { step, output, excerpt, range } = error as StepFailure
  const parts: string[] = []
  if (step !== undefined && output !== undefined && output.trim() !== '') {
    parts.push(`------\n > ${step}:\n${output.trimEnd()}\n------\n`)
  }
  if (excerpt !== undefined) parts.push(`${excerpt.trimEnd()}\n`)
  const place = range === undefined ? '' : `${range.file}:${range.startLine}: `
  parts.push(`ERROR: ${place}${messageOf(error)}\n`)
  const hint = error instanceof TsbuildError ? error.hint : undefined
  if (hint !== undefined) parts.push(`Hint: ${hint}\n`)
  return parts.join('')
}

/** An error that nobody meant to throw says at least what kind it is. */
function messageOf(error: Error): string {
  if (error instanceof TsbuildError) return error.message
  return error.name === 'Error' ? error.message : `${error.name}: ${error.message}`
}

function debugText(error: Error): string {
  const cause = error.cause instanceof Error ? `\nCaused by: ${debugText(error.cause)}` : ''
  return `${error.stack ?? error.message}${cause}`
}
