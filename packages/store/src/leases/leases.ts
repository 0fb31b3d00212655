import type { Digest, SnapshotName } from '@tsbuild/spec'
import type { Database, Reader, Transaction } from '../database/database.js'
import { jsonRows } from '../database/rows.js'

/** A blob or a committed snapshot. */
export type LeaseResource =
  | { readonly kind: 'blob'; readonly digest: Digest }
  | { readonly kind: 'snapshot'; readonly name: SnapshotName }

/** Keeps resources from being collected until it is disposed, or its process dies. */
export interface Lease extends AsyncDisposable {
  /** Adds resources; they need not exist yet. Resolves when every collector sees it. */
  add(...resources: readonly LeaseResource[]): Promise<void>
}

/** Leases of this session.
 *
 * Walkthrough, for whoever uses something that is in the store already: acquire a lease on it → look whether it is (still) there →
 * use it, and write down what refers to it (a name, a record, a chain) → dispose the lease. */
export interface Leases {
  acquire(...resources: readonly LeaseResource[]): Promise<Lease>
}

interface LeaseRow {
  readonly blobs: readonly Digest[]
  readonly snapshots: readonly SnapshotName[]
  /** Set when it was disposed: what was written under it may not have been seen by a collection that began before. */
  readonly releasedAt?: number
}

/** Rows are called `<session>/<number>`. */
const leaseRows = jsonRows<LeaseRow>('leases')

export function createLeases(db: Database, session: () => string): Leases {
  let count = 0
  return {
    async acquire(...resources) {
      const key = `${session()}/${process.pid}-${count++}`
      const blobs = new Set<Digest>()
      const snapshots = new Set<SnapshotName>()
      const put = (released: { readonly releasedAt?: number }) =>
        db.update((tx) => leaseRows.put(tx, key, { blobs: [...blobs], snapshots: [...snapshots], ...released }))
      const add = async (added: readonly LeaseResource[]) => {
        for (const resource of added) {
          if (resource.kind === 'blob') blobs.add(resource.digest)
          else snapshots.add(resource.name)
        }
        await put({})
      }
      await add(resources)
      let released = false
      return {
        add: (...more) => add(more),
        async [Symbol.asyncDispose]() {
          if (released) return
          released = true
          await put({ releasedAt: Date.now() })
        },
      }
    },
  }
}

/** Sessions that have leases. */
export function leaseSessions(db: Reader): Set<string> {
  return new Set([...leaseRows.entries(db)].map(({ key }) => sessionOf(key)))
}

/** Sessions that have leases which were not released. */
export function openLeaseSessions(db: Reader): Set<string> {
  const rows = [...leaseRows.entries(db)].filter(({ value }) => value.releasedAt === undefined)
  return new Set(rows.map(({ key }) => sessionOf(key)))
}

/** What is leased, but for the leases of `dead` sessions and those released before `since`. */
export function leasedResources(from: Reader, dead: ReadonlySet<string>, since: number): Set<string> {
  const out = new Set<string>()
  for (const { key, value } of leaseRows.entries(from)) {
    if (dead.has(sessionOf(key)) || (value.releasedAt ?? since) < since) continue
    for (const item of [...value.blobs, ...value.snapshots]) out.add(item)
  }
  return out
}

/** Forgets the leases of dead sessions, and those released before `since`. */
export function forgetLeases(tx: Transaction, dead: ReadonlySet<string>, since: number): void {
  for (const { key, value } of leaseRows.entries(tx)) {
    if (dead.has(sessionOf(key)) || (value.releasedAt ?? since) < since) leaseRows.remove(tx, key)
  }
}

function sessionOf(key: string): string {
  return key.slice(0, key.indexOf('/'))
}
