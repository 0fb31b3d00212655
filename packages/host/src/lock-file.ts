import { closeSync, constants, fstatSync, openSync, statSync, unlinkSync } from 'node:fs'
import { faultPoint } from '@tsbuild/spec'
import { LOCK_EX, LOCK_NB, O_CLOEXEC } from './constants.js'
import { HostError, hasErrno } from './errors.js'
import { openHost } from './open-host.js'

/** A lock file that this process holds. */
export interface LockFile {
  /** Removes the file and gives the lock back; harmless when done twice. */
  release(): void
}

/** Tries to take the lock `path`, making the file if it is missing; `undefined` while somebody (this process too) holds it.
 * @throws {HostError} `LOCK_UNUSABLE` */
export function tryLockFile(path: string): LockFile | undefined {
  const host = openHost()
  for (;;) {
    const fd = openLockFile(path)
    let held = false
    try {
      if (!host.flock(fd, LOCK_EX | LOCK_NB)) return undefined
      // Whoever had the lock before may have removed the file between our open and our lock.
      held = isSameFile(fd, path)
    } finally {
      if (!held) closeSync(fd)
    }
    if (held) {
      faultPoint('lock.take.after')
      return lockFile(fd, path)
    }
  }
}

function openLockFile(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | O_CLOEXEC, 0o600)
  } catch (cause) {
    throw new HostError('LOCK_UNUSABLE', `Cannot open the lock "${path}": ${(cause as Error).message}`, { cause })
  }
}

function isSameFile(fd: number, path: string): boolean {
  const named = statSync(path, { throwIfNoEntry: false })
  const opened = fstatSync(fd)
  return named !== undefined && named.ino === opened.ino && named.dev === opened.dev
}

function lockFile(fd: number, path: string): LockFile {
  let held = true
  return {
    release() {
      if (!held) return
      held = false
      try {
        faultPoint('lock.remove.before')
        unlinkSync(path)
        faultPoint('lock.remove.after')
      } catch (error) {
        if (!hasErrno(error, 'ENOENT', 'EROFS')) throw error
      } finally {
        closeSync(fd)
      }
    },
  }
}
