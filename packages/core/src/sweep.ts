import type { SessionLocks } from '@tsbuild/spec'
import type { DirectorySnapshotter } from '@tsbuild/snapshotter'

export interface SweepServices {
  readonly sessions: SessionLocks
  readonly snapshotter: DirectorySnapshotter
}

/** Cleans up after sessions whose process is gone: ends the processes of their steps and takes their active snapshots away.
 * Living sessions are left alone. Partial blobs are the store's own business. */
export async function sweepDeadSessions({ sessions, snapshotter }: SweepServices): Promise<void> {
  const dead: AsyncDisposable[] = []
  try {
    await snapshotter.sweep((session) => {
      const lock = sessions.takeDead(session)
      if (lock !== undefined) dead.push(lock)
      return lock !== undefined
    })
  } finally {
    for (const lock of dead) await lock[Symbol.asyncDispose]()
  }
}
