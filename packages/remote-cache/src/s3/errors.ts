import { type ErrorDetails, TsbuildError } from '@tsbuild/spec'
import { RemoteCacheError, type RemoteCacheErrorCode } from '../errors.js'

interface ServiceFailure extends Error {
  readonly $metadata?: { readonly httpStatusCode?: number }
  readonly code?: string
}

const full = /^(QuotaExceeded|.*StorageFull|.*InsufficientStorage|.*QuotaExceeded|EntityTooLarge)$/
const wrongRegion = /^(PermanentRedirect|AuthorizationHeaderMalformed|IllegalLocationConstraintException)$/
const denied =
  /^(CredentialsProviderError|TokenProviderError|AccessDenied|Forbidden|InvalidAccessKeyId|SignatureDoesNotMatch)$/

/** Whether the object is not there (in a HEAD's answer: or its bucket). */
export function isAbsent(error: unknown): boolean {
  const failure = error as ServiceFailure | undefined
  return failure?.$metadata?.httpStatusCode === 404 && failure.name !== 'NoSuchBucket'
}

/** What a failed call of the SDK means for a cache. `what` begins the message; our own errors pass. */
export function s3Failure(error: unknown, what: string): unknown {
  if (!(error instanceof Error) || error instanceof TsbuildError) return error
  const { code, hint } = meaningOf(error)
  const state = `${error.name}${error.message === '' ? '' : `: ${error.message.slice(0, 300)}`}`
  return new RemoteCacheError(code, `${what}: ${state}`, { cause: error, ...(hint === undefined ? {} : { hint }) })
}

function meaningOf(failure: ServiceFailure): Pick<ErrorDetails, 'hint'> & { readonly code: RemoteCacheErrorCode } {
  const status = failure.$metadata?.httpStatusCode
  const { name, message } = failure
  if (name === 'NoSuchBucket') return { code: 'CACHE_OPTION_INVALID', hint: 'Make the bucket, or name another one' }
  if (wrongRegion.test(name) || status === 301 || message === 'Region is missing')
    return { code: 'CACHE_OPTION_INVALID', hint: "Name the bucket's region" }
  if (denied.test(name) || status === 401 || status === 403)
    return { code: 'CACHE_DENIED', hint: 'Check the access key, and what it may do with the bucket' }
  if (full.test(name) || status === 507) return { code: 'CACHE_FULL' }
  if (status === 404) return { code: 'CACHE_BLOB_NOT_FOUND' }
  return { code: 'CACHE_UNREACHABLE' }
}
