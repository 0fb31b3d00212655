import { StoreError } from '../errors.js'
import type { Database } from './database.js'

/** What a store that is opened for reading shows of a root folder where nothing was ever written. */
export function emptyDatabase(): Database {
  const refuse = async () => {
    throw new StoreError('ROOT_READ_ONLY', 'Cannot write metadata: the store was opened for reading')
  }
  return {
    get: () => undefined,
    has: () => false,
    range: () => [],
    batch: refuse,
    update: refuse,
    refresh() {},
    dropDeadReaders() {},
    async [Symbol.asyncDispose]() {},
  }
}
