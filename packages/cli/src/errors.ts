import { type ErrorDetails, TsbuildError } from '@tsbuild/spec'

export type CliErrorCode =
  | 'ARGUMENT_INVALID'
  | 'CANCELED'
  | 'FILE_UNREADABLE'
  | 'LOAD_FAILED'
  | 'OUTPUT_CLOSED'
  | 'OUTPUT_INVALID'
  | 'TEMPLATE_INVALID'
  | 'USAGE'

/** What the command line refuses, or how its process was ended. */
export class CliError extends TsbuildError<CliErrorCode> {
  /** 1, or 125 for unknown and malformed flags, 130 and 143 after SIGINT and SIGTERM: as Docker has it. */
  readonly exitCode: number

  constructor(code: CliErrorCode, message: string, details: ErrorDetails & { readonly exitCode?: number } = {}) {
    super(code, message, details)
    this.exitCode = details.exitCode ?? 1
  }
}

/** A flag whose value is not understood. */
export function badFlag(flag: string, value: string, state: string, hint?: string): CliError {
  const details = { exitCode: 125, ...(hint === undefined ? {} : { hint }) }
  return new CliError('ARGUMENT_INVALID', `Cannot parse ${flag} "${value}": ${state}`, details)
}
