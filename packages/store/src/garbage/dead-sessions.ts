import type { SessionLocks } from '@tsbuild/spec'

/** Files of others that were put among ours are left alone. */
const sessionPattern = /^[a-z0-9]{8,24}$/

/** Those of `candidates` that are dead, with their locks held until it is disposed. */
export interface DeadSessions extends AsyncDisposable {
  readonly ids: ReadonlySet<string>
}

export function takeDeadSessions(sessions: SessionLocks, candidates: Iterable<string>): DeadSessions {
  const locks = new Map<string, AsyncDisposable>()
  for (const id of new Set(candidates)) {
    if (id === sessions.session || !sessionPattern.test(id)) continue
    const lock = sessions.takeDead(id)
    if (lock !== undefined) locks.set(id, lock)
  }
  return {
    ids: new Set(locks.keys()),
    async [Symbol.asyncDispose]() {
      for (const lock of locks.values()) await lock[Symbol.asyncDispose]()
      locks.clear()
    },
  }
}
