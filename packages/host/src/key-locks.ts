import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { KeyLocks } from '@tsbuild/spec'
import { type LockFile, tryLockFile } from './lock-file.js'

const firstPauseMs = 2
const longestPauseMs = 100

/** Locks on names, kept as files in `directory` (made if it is missing). Who waits in this process is served in order; between
 * processes the lock is asked for again at growing intervals, at most 0.1 s apart.
 * @throws {HostError} `LOCK_UNUSABLE`, `HOST_UNSUPPORTED` (also from `acquire`) */
export function createKeyLocks(directory: string): KeyLocks {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const tails = new Map<string, Promise<void>>()
  return {
    async acquire(name, { signal } = {}) {
      signal?.throwIfAborted()
      const { turn, pass } = takeNumber(tails, name)
      try {
        await withSignal(turn, signal)
        const lock = await waitForLock(join(directory, lockName(name)), signal)
        return heldLock(lock, pass)
      } catch (error) {
        // Whoever is next still waits for those before us.
        void turn.then(pass)
        throw error
      }
    },
  }
}

function takeNumber(tails: Map<string, Promise<void>>, name: string): { turn: Promise<void>; pass: () => void } {
  const turn = tails.get(name) ?? Promise.resolve()
  let pass = () => {}
  const tail = new Promise<void>((resolve) => {
    pass = () => {
      if (tails.get(name) === tail) tails.delete(name)
      resolve()
    }
  })
  tails.set(name, tail)
  return { turn, pass }
}

async function withSignal(turn: Promise<void>, signal?: AbortSignal): Promise<void> {
  if (!signal) return turn
  let abort = () => {}
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
  })
  try {
    await Promise.race([turn, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

async function waitForLock(path: string, signal?: AbortSignal): Promise<LockFile> {
  for (let pause = firstPauseMs; ; pause = Math.min(pause * 2, longestPauseMs)) {
    signal?.throwIfAborted()
    const lock = tryLockFile(path)
    if (lock) return lock
    await delay(pause, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted())
  }
}

function heldLock(lock: LockFile, pass: () => void): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      try {
        lock.release()
      } finally {
        pass()
      }
    },
  }
}

function lockName(name: string): string {
  return `${createHash('sha256').update(name).digest('hex').slice(0, 32)}.lock`
}
