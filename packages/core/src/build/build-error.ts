import { ParseError } from '@tsbuild/parser'
import { SolveError } from '@tsbuild/solver'
import { type SourceRange, TsbuildError } from '@tsbuild/spec'
import { BuildError } from '../errors.js'
import { LocatedError } from '../frontend/located.js'
import { RunFailedError } from '../ops/run-failed-error.js'

/** Makes the error that a caller of build() gets: what went wrong, in which step, at which lines. Errors that are not about
 * a place in the Dockerfile stay as they are. */
export function toBuildError(error: unknown, text: string): unknown {
  if (error instanceof SolveError) return stepError(error, text)
  if (error instanceof LocatedError) return located(error, error.source, error.cause, text)
  if (error instanceof ParseError && error.range !== undefined) return located(error, error.range, error, text)
  return error
}

function stepError(error: SolveError, text: string): BuildError {
  const { vertex, cause } = error
  const hint = cause instanceof TsbuildError ? cause.hint : undefined
  return new BuildError(
    `Cannot build step "${vertex.name}": ${cause instanceof Error ? cause.message : String(cause)}`,
    {
      step: vertex.name,
      cause,
      ...(hint === undefined ? {} : { hint }),
      ...(vertex.source === undefined ? {} : { source: vertex.source, excerpt: excerpt(text, vertex.source) }),
      ...(cause instanceof RunFailedError ? { exitCode: cause.exitCode, output: cause.output } : {}),
    },
  )
}

function located(error: TsbuildError, source: SourceRange, cause: unknown, text: string): BuildError {
  return new BuildError(`${source.file}:${source.startLine}: ${error.message}`, {
    step: '',
    source,
    excerpt: excerpt(text, source),
    cause,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  })
}

/** How many lines around the step an excerpt shows. */
const margin = 2

/** The lines of the step with those around them, numbered, `>>>` before the step's own. */
export function excerpt(text: string, { file, startLine, endLine }: SourceRange): string {
  const lines = text.split(/\r?\n/)
  const first = Math.max(1, startLine - margin)
  const last = Math.min(lines.length, endLine + margin)
  const out = [`${file}:${startLine}`, '-'.repeat(20)]
  for (let n = first; n <= last; n++) {
    const mark = n >= startLine && n <= endLine ? '>>>' : '   '
    out.push(`${String(n).padStart(4)} | ${mark} ${lines[n - 1] ?? ''}`.trimEnd())
  }
  return [...out, '-'.repeat(20)].join('\n')
}
