import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Database, Transaction } from './database.js'
import { jsonRows } from './rows.js'

/** When something was written, in a form that tells after a power cut whether it had reached the disk. */
export interface BootStamp {
  /** The kernel's boot id. */
  readonly boot: string
  /** Milliseconds of the machine's monotonic clock, which all processes of one boot share. */
  readonly at: number
}

const syncedRows = jsonRows<number>('synced')
const unsyncedRows = jsonRows<BootStamp>('unsynced')

/** Tells whether the files that a row speaks of are surely on disk: those of this boot are visible at least, those of an earlier
 * boot count only when a sync began after them. One row for each boot says so; rows themselves are not rewritten. */
export interface BootStamps {
  /** Stamps a change made in `tx`. */
  stamp(tx: Transaction): BootStamp
  isSafe(stamp: BootStamp): boolean
  /** The newest stamp, when no sync began after it. */
  unsynced(): BootStamp | undefined
  /** Runs `sync`, and then remembers when it began. */
  markSynced(sync: () => Promise<void>): Promise<void>
}

export function createBootStamps(db: Database, boot = readBootId()): BootStamps {
  const now = () => Number(process.hrtime.bigint() / 1000n) / 1000
  const syncedAt = (id: string) => syncedRows.get(db, id) ?? -1
  return {
    stamp(tx) {
      const stamp = { boot, at: now() }
      unsyncedRows.put(tx, 'newest', stamp)
      return stamp
    },
    isSafe: (stamp) => stamp.boot === boot || syncedAt(stamp.boot) >= stamp.at,
    unsynced() {
      const newest = unsyncedRows.get(db, 'newest')
      return newest === undefined || newest.boot !== boot || syncedAt(boot) >= newest.at ? undefined : newest
    },
    async markSynced(sync) {
      const began = now()
      await sync()
      await db.update((tx) => {
        if ((syncedRows.get(tx, boot) ?? -1) < began) syncedRows.put(tx, boot, began)
      })
    },
  }
}

/** Without a boot id nothing survives this process's store: better a miss than half a layer. */
function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return randomUUID()
  }
}
