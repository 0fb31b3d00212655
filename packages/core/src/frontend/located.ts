import { type ErrorDetails, type SourceRange, TsbuildError } from '@tsbuild/spec'

/** An error of the frontend together with the instruction that it is about. `cause` is the error itself. */
export class LocatedError extends TsbuildError<'INSTRUCTION_FAILED'> {
  readonly source: SourceRange

  constructor(source: SourceRange, cause: TsbuildError) {
    const details: ErrorDetails = cause.hint === undefined ? { cause } : { cause, hint: cause.hint }
    super('INSTRUCTION_FAILED', cause.message, details)
    this.source = source
  }
}

/** Adds the place to our own errors, once. */
export async function locateError<T>(source: SourceRange, body: () => T | Promise<T>): Promise<T> {
  try {
    return await body()
  } catch (error) {
    if (error instanceof TsbuildError && !(error instanceof LocatedError)) throw new LocatedError(source, error)
    throw error
  }
}
