import { statfsSync } from 'node:fs'
import { faultPoint } from '@tsbuild/spec'
import type { RootDatabase } from 'lmdb'
import { errnoOf, messageOf, StoreError, storeError } from '../errors.js'
import type { Change, Database, Transaction } from './database.js'
import { whileUnderWay } from './exit-guard.js'
import { loadLmdb } from './lmdb-module.js'
import { rangeEnd } from './rows.js'

/** A key and this byte is the first key behind it. */
const firstByte = Buffer.from([0])
/** Less than this left means that a commit may not fit. */
const largestWriteBytes = 4 << 20

export interface LmdbOptions {
  readonly readonly: boolean
  /** Called when the disk is full, before the one retry: gives space back. Tells whether there was any. */
  readonly onFull: () => boolean
}

/** Opens the database file at `path` (and `<path>-lock` beside it).
 *
 * Commits use lmdb's defaults: visible at once, flushed behind it, and after a power cut the newest flushed state is taken
 * (lmdb keeps the boot id for that). A commit costs about 0.5 ms, fifty at once 1 ms together, so `noSync` would gain nothing.
 * @throws {StoreError} `METADATA_FAILED` */
export function openLmdb(path: string, { readonly, onFull }: LmdbOptions): Database {
  const db = openFile(path, readonly)
  let closed = false
  const check = () => {
    if (closed) throw new StoreError('STORE_CLOSED', 'Cannot use the store: it was closed')
  }
  const checkWritable = () => {
    check()
    if (readonly) throw new StoreError('ROOT_READ_ONLY', 'Cannot write metadata: the store was opened for reading')
  }
  const reader = {
    get(key: Buffer) {
      check()
      return db.getBinary(key)
    },
    has(key: Buffer) {
      check()
      return db.doesExist(key)
    },
    *range(prefix: Buffer, after?: Buffer) {
      check()
      const start = after === undefined ? prefix : Buffer.concat([after, firstByte])
      for (const { key, value } of db.getRange({ start, end: rangeEnd(prefix) })) {
        yield { key, value }
        check()
      }
    },
  }
  const underWay = new Set<Promise<unknown>>()
  const tracked = <Result>(transaction: Promise<Result>): Promise<Result> => {
    underWay.add(transaction)
    return transaction.finally(() => underWay.delete(transaction))
  }
  /** A full disk: the ballast goes, then once more. */
  const commit = async <Result>(transaction: () => Promise<Result>): Promise<Result> => {
    const attempt = async () => {
      faultPoint('metadata.commit.before')
      const result = await tracked(whileUnderWay(transaction))
      faultPoint('metadata.commit.after')
      return result
    }
    try {
      return await settle(attempt)
    } catch (error) {
      if (!isFull(error, path) || !onFull()) throw databaseError(error, path)
    }
    return settle(attempt).catch((error) => {
      throw databaseError(error, path)
    })
  }
  return {
    ...reader,
    async batch(changes) {
      checkWritable()
      // A transaction, not lmdb's batch: each put of that has a promise of its own, which fails unheard.
      if (changes.length > 0) await commit(() => db.transaction(() => apply(db, changes)))
    },
    async update<Result>(work: (tx: Transaction) => Result) {
      checkWritable()
      let thrown: { readonly error: unknown } | undefined
      const result = await commit(() =>
        db.transaction(() => {
          const changes: Change[] = []
          try {
            const value = work({
              ...reader,
              put: (key, bytes) => void changes.push([key, bytes]),
              remove: (key) => void changes.push([key, undefined]),
            })
            faultPoint('metadata.transaction.inside')
            apply(db, changes)
            return value
          } catch (error) {
            thrown = { error }
            return undefined
          }
        }),
      )
      if (thrown !== undefined) throw thrown.error
      return result as Result
    },
    refresh() {
      check()
      db.resetReadTxn()
    },
    dropDeadReaders() {
      check()
      db.readerCheck()
    },
    async [Symbol.asyncDispose]() {
      if (closed) return
      closed = true
      await Promise.allSettled(underWay)
      await db.close()
    },
  }
}

function openFile(path: string, readonly: boolean): RootDatabase<Buffer, Buffer> {
  try {
    return loadLmdb().open<Buffer, Buffer>({
      path,
      noSubdir: true,
      readOnly: readonly,
      encoding: 'binary',
      keyEncoding: 'binary',
      // With it a failed commit rejects a promise that nobody can catch, and that ends the process.
      eventTurnBatching: false,
    })
  } catch (cause) {
    const errno = errnoOf(cause) ?? ''
    if (['EROFS', 'EACCES', 'EPERM', 'ENOSPC'].includes(errno)) throw storeError(cause, `open metadata "${path}"`)
    throw new StoreError('METADATA_FAILED', `Cannot open metadata "${path}": ${messageOf(cause)}`, { cause })
  }
}

function apply(db: RootDatabase<Buffer, Buffer>, changes: readonly Change[]): void {
  for (const [key, value] of changes) {
    if (value === undefined) void db.remove(key)
    else void db.put(key, Buffer.from(value.buffer, value.byteOffset, value.byteLength))
  }
}

/** The promise of a failed write only says "see commitError", and an unobserved `commitError` would end the process. */
async function settle<Result>(attempt: () => Promise<Result>): Promise<Result> {
  try {
    return await attempt()
  } catch (error) {
    const reason = (error as { commitError?: Promise<never> }).commitError
    if (reason !== undefined) await reason
    throw error
  }
}

function databaseError(error: unknown, path: string): Error {
  if (error instanceof StoreError) return error
  if (isFull(error, path))
    return storeError(Object.assign(new Error('no space left', { cause: error }), { code: 'ENOSPC' }), 'write metadata')
  const errno = errnoOf(error)
  if (errno === 'EDQUOT' || errno === 'EROFS') return storeError(error, 'write metadata')
  return new StoreError('METADATA_FAILED', `Cannot write metadata: ${messageOf(error)}`, { cause: error })
}

/** Where a write found space for a part of its bytes only, lmdb says EIO. */
function isFull(error: unknown, path: string): boolean {
  const errno = errnoOf(error)
  if (errno !== 'EIO') return errno === 'ENOSPC'
  const { bavail, bsize } = statfsSync(path)
  return bavail * bsize < largestWriteBytes
}
