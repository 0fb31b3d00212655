/** Codes of the distribution spec ("Error Codes"), and those of Docker's registry that it takes for granted. */
export type FailureCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DENIED'
  | 'DIGEST_INVALID'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'PAGINATION_NUMBER_INVALID'
  | 'SIZE_INVALID'
  | 'TAG_INVALID'
  | 'TOOMANYREQUESTS'
  | 'UNAUTHORIZED'
  | 'UNKNOWN'
  | 'UNSUPPORTED'

export interface FailureDetails {
  /** What exactly, for programs. */
  readonly detail?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** What went wrong here. Goes to the log, not to the client. */
  readonly cause?: unknown
}

/** An answer that is an error. */
export class Failure extends Error {
  readonly status: number
  readonly code: FailureCode
  readonly detail: unknown
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    code: FailureCode,
    message: string,
    { detail, headers = {}, cause }: FailureDetails = {},
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.status = status
    this.code = code
    this.detail = detail
    this.headers = headers
  }

  /** The body that the distribution spec gives errors. */
  body(): string {
    const { code, message, detail } = this
    return JSON.stringify({ errors: [{ code, message, ...(detail === undefined ? {} : { detail }) }] })
  }
}
