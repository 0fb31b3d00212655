import type { SessionLocks } from '@tsbuild/spec'
import type { Database } from '../database/database.js'
import type { ReadSmall } from '../images/image-blobs.js'
import { leasedResources, leaseSessions } from '../leases/leases.js'
import type { ResourceUses } from '../store.js'
import { takeDeadSessions } from './dead-sessions.js'
import { markNamed } from './mark.js'

/** What names, containers and living processes use. */
export async function resourceUses(db: Database, sessions: SessionLocks, readSmall: ReadSmall): Promise<ResourceUses> {
  const now = Date.now()
  db.refresh()
  await using dead = takeDeadSessions(sessions, leaseSessions(db))
  const named = new Set<string>()
  await markNamed(db, readSmall, named)
  db.refresh()
  return { named, leased: leasedResources(db, dead.ids, now) }
}

/** What living processes have leased. */
export async function leasedNow(db: Database, sessions: SessionLocks): Promise<Set<string>> {
  const now = Date.now()
  db.refresh()
  await using dead = takeDeadSessions(sessions, leaseSessions(db))
  return leasedResources(db, dead.ids, now)
}

/** Takes something away that leases are kept on by its name, unless there is one. */
export async function takeUnleased(
  db: Database,
  sessions: SessionLocks,
  name: string,
  take: () => void,
): Promise<boolean> {
  const now = Date.now()
  db.refresh()
  await using dead = takeDeadSessions(sessions, leaseSessions(db))
  return await db.update((tx) => {
    if (leasedResources(tx, dead.ids, now).has(name)) return false
    take()
    return true
  })
}
