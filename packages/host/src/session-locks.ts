import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { SessionLocks } from '@tsbuild/spec'
import { type LockFile, tryLockFile } from './lock-file.js'

const suffix = '.session'
const sessionId = /^[a-z0-9]{8,24}$/

/** Starts a session: takes `<directory>/<session>.session`, which the kernel gives back when this process ends, however it does.
 * The directory is made if it is missing.
 * @throws {HostError} `LOCK_UNUSABLE`, `HOST_UNSUPPORTED` */
export function openSessionLocks(directory: string): SessionLocks {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const file = (session: string) => join(directory, session + suffix)
  const { session, lock } = startSession(file)
  return {
    session,
    takeDead(other) {
      if (!sessionId.test(other)) return undefined
      const dead = tryLockFile(file(other))
      return dead && { [Symbol.asyncDispose]: async () => dead.release() }
    },
    async list() {
      const names = await readdir(directory)
      return names
        .filter((name) => name.endsWith(suffix))
        .map((name) => name.slice(0, -suffix.length))
        .filter((name) => sessionId.test(name))
    },
    [Symbol.asyncDispose]: async () => lock.release(),
  }
}

function startSession(file: (session: string) => string): { session: string; lock: LockFile } {
  for (;;) {
    const session = BigInt(`0x${randomBytes(8).toString('hex')}`)
      .toString(36)
      .padStart(13, '0')
    // A sweeper may take the new file for a dead session's before we lock it: then try another name.
    const lock = tryLockFile(file(session))
    if (lock) return { session, lock }
  }
}
