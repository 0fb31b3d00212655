import { type CacheRecord, type CacheStore, canonicalDigest, type Digest, digestHex } from '@tsbuild/spec'
import type { BootStamp, BootStamps } from '../database/boot-stamps.js'
import type { Database, Reader, Transaction } from '../database/database.js'
import { jsonRows } from '../database/rows.js'
import { bury, forgetTombstone, tombstoneOf } from './tombstones.js'

const perKey = 8
const perStep = 4
/** Records that go in one transaction: it holds up writers for a few milliseconds at most. */
const perTransaction = 64

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
    async drop(record, reason = 'result was removed') {
      await db.update((tx) => {
        const key = rowName(record)
        if (recordRows.get(tx, key)?.record.resultId !== record.resultId) return
        recordRows.remove(tx, key)
        bury(tx, [record], reason)
      })
    },
    tombstone: (key) => tombstoneOf(db, key),
    nearest(step) {
      const rows = (stepRows.get(db, stepName(step)) ?? []).map((key) => recordRows.get(db, key))
      return newestFirst(rows.filter((row) => row !== undefined))
    },
  }
}

/** Drops records that are still the ones they were; all of them or, after a failure, some. */
export async function dropRecords(db: Database, records: readonly CacheRecord[], reason: string): Promise<void> {
  for (let start = 0; start < records.length; start += perTransaction) {
    await db.update((tx) => {
      const there = records
        .slice(start, start + perTransaction)
        .filter((record) => recordRows.get(tx, rowName(record))?.record.resultId === record.resultId)
      for (const record of there) recordRows.remove(tx, rowName(record))
      bury(tx, there, reason)
    })
  }
}

function save(tx: Transaction, row: RecordRow): void {
  const name = rowName(row.record)
  const others = variants(tx, row.record.key).filter(({ record }) => rowName(record) !== name)
  for (const record of newestFirst(others).slice(perKey - 1)) recordRows.remove(tx, rowName(record))
  recordRows.put(tx, name, row)
  forgetTombstone(tx, row.record.key)
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
