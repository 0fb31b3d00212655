import { CoreError } from '../../errors.js'

/** What a cache mount's blobs or record say is not what they may say. */
export function invalid(what: string, why: string, cause?: unknown): CoreError {
  return new CoreError('CACHE_INVALID', `Cannot ${what}: ${why}`, cause === undefined ? {} : { cause })
}
