import { faultPoint, type SessionLocks, type SnapshotName } from '@tsbuild/spec'
import { containerRows } from '../containers/container-table.js'
import type { Database, Transaction } from '../database/database.js'
import { forgetSnapshots } from '../layers/layer-tables.js'
import { leasedResources, leaseSessions } from '../leases/leases.js'
import { takeDeadSessions } from './dead-sessions.js'

/** Takes a committed snapshot out of sight, synchronously and quickly. What it gives removes the files; `undefined` where there are none. */
export type TakeSnapshot = (name: SnapshotName) => (() => Promise<void>) | undefined

/** Runs a transaction that takes snapshots away. They are out of sight before it ends: who leases one afterwards and then looks for it
 * sees that it is gone. The files are removed behind it, also where it failed. */
export async function takeSnapshots<Result>(
  db: Database,
  take: TakeSnapshot,
  work: (tx: Transaction, take: (name: SnapshotName) => void) => Result,
): Promise<Result> {
  const removals: (() => Promise<void>)[] = []
  const takeOne = (name: SnapshotName) => {
    const remove = take(name)
    if (remove !== undefined) removals.push(remove)
  }
  try {
    const result = await db.update((tx) => work(tx, takeOne))
    while (removals.length > 0) {
      faultPoint('snapshot.remove.before')
      await removals.shift()?.()
    }
    return result
  } catch (error) {
    await Promise.allSettled(removals.map((remove) => remove()))
    throw error
  }
}

/** Takes one away with all rows that speak of it as a layer, unless it is leased, a container stands on it, or `mayTake` denies it.
 * Tells whether it did. */
export async function takeUnused(
  db: Database,
  sessions: SessionLocks,
  name: SnapshotName,
  take: TakeSnapshot,
  mayTake: (tx: Transaction) => boolean = () => true,
): Promise<boolean> {
  const now = Date.now()
  db.refresh()
  await using dead = takeDeadSessions(sessions, leaseSessions(db))
  return await takeSnapshots(db, take, (tx, takeIt) => {
    if (leasedResources(tx, dead.ids, now).has(name) || !mayTake(tx)) return false
    for (const { value } of containerRows.entries(tx)) if (value.layers.includes(name)) return false
    takeIt(name)
    forgetSnapshots(tx, new Set([name]))
    return true
  })
}
