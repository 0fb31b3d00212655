import { type CacheRecord, type CacheStore, canonicalDigest, type Digest, digestHex } from '@tsbuild/spec'
import type { BootStamp, BootStamps } from '../database/boot-stamps.js'
import type { Database, Reader, Transaction } from '../database/database.js'
import { jsonRows } from '../database/rows.js'

const perKey = 8
const perStep = 4

interface RecordRow {
  readonly record: CacheRecord
  readonly stamp: BootStamp
}

/** One row for each record: `<key>/<digest of madeOn>`. */
const recordRows = jsonRows<RecordRow>('cache')
/** Keys of the newest records of a step, newest first. */
const stepRows = jsonRows<readonly string[]>('cache-steps')

/** The records as they are in the database, for the collection of garbage. */
export async function* allRecords(db: Reader): AsyncGenerator<CacheRecord> {
  for await (const { value } of recordRows.unhurried(db)) yield value.record
}

export function createCacheStore(db: Database, stamps: BootStamps, onSaved: () => void): CacheStore {
  return {
    lookup: (key) => newestFirst(variants(db, key).filter(({ stamp }) => stamps.isSafe(stamp))),
    async save(record) {
      await db.update((tx) => {
        save(tx, { record, stamp: stamps.stamp(tx) })
      })
      onSaved()
    },
    async drop(record) {
      await db.update((tx) => {
        const key = rowName(record)
        if (recordRows.get(tx, key)?.record.resultId === record.resultId) recordRows.remove(tx, key)
      })
    },
    nearest(step) {
      const rows = (stepRows.get(db, stepName(step)) ?? []).map((key) => recordRows.get(db, key))
      return newestFirst(rows.filter((row) => row !== undefined))
    },
  }
}

function save(tx: Transaction, row: RecordRow): void {
  const name = rowName(row.record)
  const others = variants(tx, row.record.key).filter(({ record }) => rowName(record) !== name)
  for (const record of newestFirst(others).slice(perKey - 1)) recordRows.remove(tx, rowName(record))
  recordRows.put(tx, name, row)
  const step = stepName(row.record.step)
  const before = stepRows.get(tx, step) ?? []
  stepRows.put(tx, step, [name, ...before.filter((key) => key !== name)].slice(0, perStep))
}

function variants(from: Reader, key: Digest): RecordRow[] {
  return [...recordRows.entries(from, `${digestHex(key)}/`)].map(({ value }) => value)
}

function newestFirst(rows: readonly RecordRow[]): CacheRecord[] {
  return rows.map(({ record }) => record).sort((a, b) => b.createdAt - a.createdAt)
}

function rowName({ key, madeOn }: CacheRecord): string {
  return `${digestHex(key)}/${digestHex(canonicalDigest(madeOn)).slice(0, 32)}`
}

/** A step's name may be longer than a key. */
function stepName(step: string): string {
  return digestHex(canonicalDigest(step))
}
