import { type ErrorDetails, type SourceRange, TsbuildError } from '@tsbuild/spec'

export type ParseErrorCode =
  | 'DOCKERFILE_EMPTY'
  | 'DOCKERFILE_SYNTAX'
  | 'INSTRUCTION_UNKNOWN'
  | 'INSTRUCTION_INVALID'
  | 'FLAG_INVALID'
  | 'HEREDOC_UNTERMINATED'
  | 'EXPANSION_FAILED'
  | 'PATTERN_INVALID'
  | 'LINT_FAILED'

/** Text that is not a Dockerfile, or not a valid one. `message` is worded as BuildKit's, since people search for it. */
export class ParseError extends TsbuildError<ParseErrorCode> {
  /** Absent for a word or pattern that came without a file. */
  readonly range?: SourceRange

  constructor(code: ParseErrorCode, message: string, details: ErrorDetails & { readonly range?: SourceRange } = {}) {
    super(code, message, details)
    if (details.range !== undefined) this.range = details.range
  }

  /** The same error with the place where it happened; an inner place wins. */
  at(range: SourceRange): ParseError {
    if (this.range !== undefined) return this
    const { hint, cause } = this
    return new ParseError(this.code, this.message, { ...(hint === undefined ? {} : { hint }), cause, range })
  }
}
