import { spawn } from 'node:child_process'
import type { BootStamps } from './boot-stamps.js'

/** Writes all dirty pages of the file system that `path` is on. */
export type SyncFileSystem = (path: string) => Promise<void>

/** After the last save, so that it doesn't compete with a build for the disk; and after the first one at the latest. */
const quietMs = 3000
const longestMs = 30_000
/** By then the kernel has written most of it on its own, so a sync costs little. */
const settledMs = 40_000

/** Syncs in the background after something was saved. */
export interface Syncer extends Disposable {
  /** Something was saved: a sync follows soon. Never keeps the process alive. */
  schedule(): void
  /** Syncs what an earlier process left unsynced, when that is cheap by now. */
  catchUp(): void
  /** Syncs now. */
  sync(): Promise<void>
}

export function createSyncer(root: string, stamps: BootStamps, syncFileSystem: SyncFileSystem): Syncer {
  let timer: NodeJS.Timeout | undefined
  let firstSave = 0
  const sync = () => stamps.markSynced(() => syncFileSystem(root))
  const background = () => {
    timer = undefined
    // Not waited for, and without harm when it fails or the store closes first: then nothing is marked.
    sync().catch(() => {})
  }
  return {
    sync,
    schedule() {
      if (timer === undefined) firstSave = Date.now()
      clearTimeout(timer)
      timer = setTimeout(background, Math.max(0, Math.min(quietMs, firstSave + longestMs - Date.now()))).unref()
    },
    catchUp() {
      const newest = stamps.unsynced()
      if (newest !== undefined && Number(process.hrtime.bigint() / 1_000_000n) - newest.at > settledMs) background()
    },
    [Symbol.dispose]() {
      clearTimeout(timer)
    },
  }
}

/** `sync -f`, of coreutils and of busybox. */
export const syncByProgram: SyncFileSystem = (path) =>
  new Promise((resolve, reject) => {
    const child = spawn('sync', ['-f', path], { stdio: 'ignore' })
    child.unref()
    child.once('error', reject)
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`sync ended with ${code}`))))
  })
