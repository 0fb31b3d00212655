import { closeSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { WorkerPool } from '@tsbuild/host'
import { createMountsPool } from '../../mounts-pool.js'
import type { LockedFolder } from './aside-tasks.js'

/** A folder beside a cache mount's, for what is not whole yet. */
export interface Aside extends AsyncDisposable {
  readonly path: string
}

/** Makes a folder `<folder>.<pid>-<time>` that goes when it is disposed; whatever is left of it after a crash, {@link sweepAsides}
 * takes. */
export async function openAside(folder: string, pool: WorkerPool): Promise<Aside> {
  const { path, fd } = await pool.run<LockedFolder>('openAside', folder)
  return {
    path,
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true }).finally(() => closeSync(fd))
    },
  }
}

/** Takes away what is left of folders beside cache mounts' that were being made, or thrown away, when their process died, and what
 * exports remember of folders that are gone. Costs no more than a look at the directory where there is nothing; never fails.
 * @param workerDir where the worker entry files lie, for bundled programs */
export async function sweepAsides(cacheDirectory: string, workerDir?: string): Promise<void> {
  const names = await readdir(cacheDirectory).catch(() => [])
  const known = new Set(names)
  const lost = names.filter((name) => isIndexName(name) && !known.has(name.slice(0, -indexSuffix.length)))
  for (const name of lost) await rm(join(cacheDirectory, name), { force: true }).catch(() => {})
  const dead = names.filter(isDeadAside)
  if (dead.length === 0) return
  await using pool = createMountsPool(workerDir)
  for (const name of dead) await removeUnlocked(join(cacheDirectory, name), pool)
}

const indexSuffix = '.index'

function isIndexName(name: string): boolean {
  return /^[0-9a-f]{32}(?:-\d+)?\.index$/.test(name)
}

function isDeadAside(name: string): boolean {
  const [, pid] = /^[0-9a-f]{32}(?:-\d+)?\.(\d+)-\d+$/.exec(name) ?? []
  return pid !== undefined && !isAlive(Number(pid))
}

async function removeUnlocked(path: string, pool: WorkerPool): Promise<void> {
  const fd = await pool.run<number | undefined>('lockFolder', path).catch(() => undefined)
  if (fd === undefined) return
  await rm(path, { recursive: true, force: true }).catch(() => {})
  closeSync(fd)
}

/** A process of another PID namespace may seem dead: so the lock decides. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
