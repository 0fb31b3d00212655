import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { faultPoint, type SessionLocks } from '@tsbuild/spec'
import { createLeftovers } from '../content/leftovers.js'
import type { Database } from '../database/database.js'
import { forgetLeases, leaseSessions } from '../leases/leases.js'
import type { RootPaths } from '../root/root-paths.js'
import { takeDeadSessions } from './dead-sessions.js'

/** What a sweep took away. */
export interface SweepReport {
  readonly files: number
  readonly bytes: number
}

/** A released lease is remembered for this long: longer than any collection runs. */
export const releasedLeaseMs = 3_600_000

/** Somebody else may hold a dead session's lock just now, to clean up after it in another folder: ask this often, this far apart. */
const attempts = 3
const pauseMs = 50

/** Takes away what dead sessions left half done: partial blobs and leases. What they had received of a blob is kept for a day. Costs as much as there is left over. */
export async function sweep(paths: RootPaths, db: Database, sessions: SessionLocks): Promise<SweepReport> {
  let report: SweepReport = { files: 0, bytes: 0 }
  for (let attempt = 1; ; attempt++) {
    const { files, bytes, left } = await sweepOnce(paths, db, sessions)
    report = { files: report.files + files, bytes: report.bytes + bytes }
    if (!left || attempt === attempts) break
    await delay(pauseMs)
  }
  db.dropDeadReaders()
  return report
}

/** `left`: there are files of others who live, or seem to. */
async function sweepOnce(
  paths: RootPaths,
  db: Database,
  sessions: SessionLocks,
): Promise<SweepReport & { readonly left: boolean }> {
  const names = (await readdir(paths.ingest)).filter((name) => sessionOf(name) !== sessions.session)
  const leases = leaseSessions(db)
  await using dead = takeDeadSessions(sessions, [...names.map(sessionOf), ...leases])
  const leftovers = createLeftovers(paths.partial)
  await leftovers.expire()
  const garbage = names.filter((name) => dead.ids.has(sessionOf(name)))
  let bytes = 0
  for (const name of garbage) {
    faultPoint('ingest.sweep.before')
    const path = join(paths.ingest, name)
    bytes += (await stat(path).catch(() => undefined))?.size ?? 0
    // What a transfer had received is worth going on with.
    const hex = /^[a-z0-9]+\.([0-9a-f]{64})\.\d+$/.exec(name)?.[1]
    if (hex !== undefined && /[^0]/.test(hex)) await leftovers.keep(path, hex)
    else await rm(path, { recursive: true, force: true })
  }
  if (leases.size > 0) await db.update((tx) => forgetLeases(tx, dead.ids, Date.now() - releasedLeaseMs))
  return { files: garbage.length, bytes, left: garbage.length < names.length }
}

function sessionOf(name: string): string {
  return name.split('.', 1)[0] ?? ''
}
