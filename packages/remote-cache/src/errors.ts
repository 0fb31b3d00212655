import { TsbuildError } from '@tsbuild/spec'

export type RemoteCacheErrorCode =
  | 'CACHE_BLOB_NOT_FOUND'
  /** The place does not answer, or not sensibly, after all attempts. */
  | 'CACHE_UNREACHABLE'
  /** The place wants credentials, or other ones; or the files may not be read or written. */
  | 'CACHE_DENIED'
  /** No space is left, or a quota is used up. */
  | 'CACHE_FULL'
  /** What is there, or what came in, is damaged: a digest or size that is not the named one, or no cache of a format known here. */
  | 'CACHE_INVALID'
  /** An option of a backend is missing or wrong; or what it names (a bucket) is not there. */
  | 'CACHE_OPTION_INVALID'
  | 'CACHE_CLOSED'

/** A place that a cache is kept in failed. The message names the place as its title does, and holds no credentials. */
export class RemoteCacheError extends TsbuildError<RemoteCacheErrorCode> {}
