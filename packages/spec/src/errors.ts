/** Extra facts that an error carries; all optional, all safe to print (no credentials, no bodies). */
export interface ErrorDetails {
  /** What to do about it, one sentence. */
  readonly hint?: string
  readonly cause?: unknown
}

/** The base of every error that tsbuild throws on purpose.
 *
 * `code` is stable and from the closed union of the subclass; `message` reads
 * `Cannot <verb> <thing> "<name>": <state>` without a final period, and the remedy stands in `hint`. */
export class TsbuildError<Code extends string = string> extends Error {
  readonly code: Code
  readonly hint?: string

  constructor(code: Code, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = new.target.name
    this.code = code
    if (details.hint !== undefined) this.hint = details.hint
  }
}

/** Whether `error` is one of ours with this code. */
export function hasCode<Code extends string>(error: unknown, code: Code): error is TsbuildError<Code> {
  return error instanceof TsbuildError && error.code === code
}

export type SpecErrorCode =
  | 'DIGEST_INVALID'
  | 'REFERENCE_INVALID'
  | 'PLATFORM_INVALID'
  | 'JSON_INVALID'
  | 'CANONICAL_INVALID'

/** A value of the OCI formats that is not well formed. */
export class SpecError extends TsbuildError<SpecErrorCode> {}
