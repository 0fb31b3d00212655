import { TsbuildError } from '@tsbuild/spec'
import { RemoteCacheError, type RemoteCacheErrorCode } from '../errors.js'

const codes: Readonly<Record<string, RemoteCacheErrorCode>> = {
  BLOB_NOT_FOUND: 'CACHE_BLOB_NOT_FOUND',
  REGISTRY_UNREACHABLE: 'CACHE_UNREACHABLE',
  REGISTRY_FAILED: 'CACHE_UNREACHABLE',
  TOO_MANY_REQUESTS: 'CACHE_UNREACHABLE',
  REPOSITORY_NOT_FOUND: 'CACHE_UNREACHABLE',
  REGISTRY_UNAUTHORIZED: 'CACHE_DENIED',
  REGISTRY_DENIED: 'CACHE_DENIED',
  CREDENTIALS_FAILED: 'CACHE_DENIED',
  MANIFEST_INVALID: 'CACHE_INVALID',
  MANIFEST_NOT_FOUND: 'CACHE_INVALID',
  MANIFEST_UNSUPPORTED: 'CACHE_INVALID',
  BLOB_TRUNCATED: 'CACHE_INVALID',
  BLOB_OVERSIZED: 'CACHE_INVALID',
  DIGEST_MISMATCH: 'CACHE_INVALID',
  SETTINGS_INVALID: 'CACHE_OPTION_INVALID',
  CLIENT_CLOSED: 'CACHE_CLOSED',
}

/** What an error of a registry client means for a cache: it keeps its message and hint. Other errors pass. */
export function registryFailure(error: unknown): unknown {
  if (!(error instanceof TsbuildError) || error instanceof RemoteCacheError) return error
  const code = Object.hasOwn(codes, error.code) ? codes[error.code] : undefined
  if (code === undefined) return error
  return new RemoteCacheError(code, error.message, {
    cause: error,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  })
}
