import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DirectorySnapshotter } from '@tsbuild/snapshotter'
import type { SessionLocks } from '@tsbuild/spec'

export interface SweepServices {
  readonly sessions: SessionLocks
  readonly snapshotter: DirectorySnapshotter
  /** Folder of streamed contexts: one folder a session. */
  readonly contexts: string
}

/** Cleans up after sessions whose process is gone: ends the processes of their steps and takes their active snapshots away.
 * Living sessions are left alone. Partial blobs are the store's own business. */
export async function sweepDeadSessions({ sessions, snapshotter, contexts }: SweepServices): Promise<void> {
  const dead: AsyncDisposable[] = []
  const isDead = (session: string) => {
    const lock = session === sessions.session ? undefined : sessions.takeDead(session)
    if (lock !== undefined) dead.push(lock)
    return lock !== undefined
  }
  try {
    const swept = await snapshotter.sweep(isDead)
    for (const session of await readdir(contexts).catch(() => [])) {
      if (swept.includes(session) || isDead(session))
        await rm(join(contexts, session), { recursive: true, force: true })
    }
  } finally {
    for (const lock of dead) await lock[Symbol.asyncDispose]()
  }
}
