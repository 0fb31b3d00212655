import { type CacheRecord, type CacheTombstone, type Digest, digestHex } from '@tsbuild/spec'
import type { Reader, Transaction } from '../database/database.js'
import { jsonRows } from '../database/rows.js'

/** So many are remembered, the newest ones. */
const limit = 512

/** By the hex digits of the key. */
const tombstoneRows = jsonRows<CacheTombstone>('cache-tombstones')

export function tombstoneOf(db: Reader, key: Digest): CacheTombstone | undefined {
  return tombstoneRows.get(db, digestHex(key))
}

/** A record of the key is there again. */
export function forgetTombstone(tx: Transaction, key: Digest): void {
  const row = digestHex(key)
  if (tombstoneRows.has(tx, row)) tombstoneRows.remove(tx, row)
}

/** Remembers why records went; call it once for all that one transaction removes.
 * @param reason as an explanation shows it, e.g. `pruned` */
export function bury(tx: Transaction, records: readonly CacheRecord[], reason: string): void {
  const at = Date.now()
  const fresh = records.slice(-limit).map(({ step, key }): CacheTombstone => ({ step, key, at, reason }))
  const keys = new Set(fresh.map(({ key }) => digestHex(key)))
  const before = [...tombstoneRows.entries(tx)].filter(({ key }) => !keys.has(key))
  const excess = before.length + keys.size - limit
  const oldest = excess > 0 ? before.sort((a, b) => a.value.at - b.value.at).slice(0, excess) : []
  for (const { key } of oldest) tombstoneRows.remove(tx, key)
  for (const tombstone of fresh) tombstoneRows.put(tx, digestHex(tombstone.key), tombstone)
}
