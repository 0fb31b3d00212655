import { randomBytes } from 'node:crypto'
import type { SessionLocks } from '@tsbuild/spec'

/** Session locks for tests: the id holds the pid, and a session lives as long as its process (or until `endSession`). */
export function pidSessions(): SessionLocks {
  const session = `p${process.pid}z${randomBytes(4).toString('hex')}`
  ended.delete(session)
  return {
    session,
    takeDead: (id) => (isDead(id) ? { async [Symbol.asyncDispose]() {} } : undefined),
    list: async () => [session],
    async [Symbol.asyncDispose]() {
      ended.add(session)
    },
  }
}

const ended = new Set<string>()

function isDead(id: string): boolean {
  if (ended.has(id)) return true
  try {
    process.kill(Number(/^p(\d+)z/.exec(id)?.[1] ?? -1), 0)
    return false
  } catch {
    return true
  }
}
