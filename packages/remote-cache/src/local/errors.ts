import { RemoteCacheError } from '../errors.js'

const codes = {
  ENOSPC: 'CACHE_FULL',
  EDQUOT: 'CACHE_FULL',
  EACCES: 'CACHE_DENIED',
  EPERM: 'CACHE_DENIED',
  EROFS: 'CACHE_DENIED',
} as const

/** The errno of a failed file system call. */
export function errnoOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code
}

/** What a failed file system call means for a cache. `what` begins the message; errors of other kinds pass. */
export function fileFailure(error: unknown, what: string): unknown {
  const errno = error instanceof Error && 'syscall' in error ? errnoOf(error) : undefined
  if (errno === undefined) return error
  const code = Object.hasOwn(codes, errno) ? codes[errno as keyof typeof codes] : 'CACHE_UNREACHABLE'
  return new RemoteCacheError(code, `${what}: ${errno}`, { cause: error })
}
