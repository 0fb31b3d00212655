import { getSystemErrorName } from 'node:util'
import { TsbuildError } from '@tsbuild/spec'

export type StoreErrorCode =
  /** The blob is not there. */
  | 'BLOB_NOT_FOUND'
  /** What came in has another SHA-256 than announced; nothing was kept. */
  | 'BLOB_DIGEST_MISMATCH'
  /** What came in is shorter or longer than announced; nothing was kept. */
  | 'BLOB_SIZE_MISMATCH'
  /** A blob on disk is no longer what its name says. */
  | 'BLOB_CORRUPT'
  /** No space, or no more inodes or quota, where the root folder is. */
  | 'STORE_FULL'
  /** The file system of the root folder is mounted read-only, or the store was opened with `readonly`. */
  | 'ROOT_READ_ONLY'
  /** The root folder can't be made or used: a file in the way, no permission, a broken format file. */
  | 'ROOT_UNUSABLE'
  /** The id or the name of a container is taken. */
  | 'CONTAINER_EXISTS'
  /** A newer tsbuild wrote the root folder. */
  | 'FORMAT_TOO_NEW'
  /** The metadata database failed; `cause` says how. */
  | 'METADATA_FAILED'
  /** A table name or key that the metadata database can't hold. */
  | 'METADATA_KEY_INVALID'
  /** Another failure of the file system. */
  | 'STORE_FAILED'
  /** The store was disposed already. */
  | 'STORE_CLOSED'

/** A failure of the store; after each of them the store is as it was before the call. */
export class StoreError extends TsbuildError<StoreErrorCode> {}

/** Makes a typed error of what the file system or the database threw; errors of ours pass as they are.
 * @param verb what was tried, e.g. `write blob "sha256:…"` */
export function storeError(cause: unknown, verb: string): Error {
  if (cause instanceof TsbuildError || isAbort(cause)) return cause as Error
  switch (errnoOf(cause)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new StoreError('STORE_FULL', `Cannot ${verb}: no space left`, {
        cause,
        hint: 'Free space on that file system, or remove what is no longer needed with "tsbuild prune"',
      })
    case 'EROFS':
      return new StoreError('ROOT_READ_ONLY', `Cannot ${verb}: the file system is read-only`, {
        cause,
        hint: 'Choose another root folder with --root or TSBUILD_ROOT',
      })
    case 'EACCES':
    case 'EPERM':
      return new StoreError('ROOT_UNUSABLE', `Cannot ${verb}: permission denied`, {
        cause,
        hint: 'Run as the owner of the root folder, or choose another one with --root or TSBUILD_ROOT',
      })
    default:
      return new StoreError('STORE_FAILED', `Cannot ${verb}: ${messageOf(cause)}`, { cause })
  }
}

/** The errno name of a Node error, or of a failed database commit. */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { code } = error as { code?: unknown }
  if (typeof code === 'string') return code
  return typeof code === 'number' && code > 0 && code < 4096 ? getSystemErrorName(-code) : undefined
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}
