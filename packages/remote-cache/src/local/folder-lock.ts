import { randomUUID } from 'node:crypto'
import { type FileHandle, open, readFile, readlink, rename, rm, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { errnoOf } from './errors.js'

/** Milliseconds after which a lock counts as left behind: who holds one needs a few. */
const staleMs = 10_000

/** Runs `work` while no other process that asks for this lock does, on any machine that shares the folder. A lock whose process died
 * is taken over: at once where the process was of this machine, else after ten seconds. */
export async function withFolderLock<T>(
  path: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  await acquire(path, signal)
  try {
    return await work()
  } finally {
    await rm(path, { force: true })
  }
}

async function acquire(path: string, signal: AbortSignal | undefined): Promise<void> {
  for (;;) {
    signal?.throwIfAborted()
    const file = await created(path)
    if (file !== undefined) return await sign(file, path)
    if (await isLeft(path)) continue
    await sleep(5 + Math.random() * 10, undefined, signal === undefined ? {} : { signal }).catch(() => {})
  }
}

/** Says in the lock whose it is. */
async function sign(file: FileHandle, path: string): Promise<void> {
  try {
    await file.writeFile(await identity()).finally(() => file.close())
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
}

async function created(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'wx')
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return undefined
    throw error
  }
}

/** Whether the lock was left behind; it is gone then. */
async function isLeft(path: string): Promise<boolean> {
  try {
    const { ino, mtimeMs } = await stat(path)
    if (Math.abs(Date.now() - mtimeMs) < staleMs && !(await isDead(await readFile(path, 'utf8')))) return false
    const aside = `${path}.${randomUUID()}`
    await rename(path, aside)
    const taken = await stat(aside)
    // Somebody else was faster, and a third one holds what was moved: it goes back.
    if (taken.ino === ino && taken.mtimeMs === mtimeMs) await rm(aside, { force: true })
    else await rename(aside, path)
    return true
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return true
    throw error
  }
}

/** Where a process id means something, and the id. */
async function identity(pid = process.pid): Promise<string> {
  const [boot, space] = await Promise.all([
    readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => 'unknown'),
    readlink('/proc/self/ns/pid').catch(() => 'unknown'),
  ])
  return `${boot.trim()} ${space} ${pid}\n`
}

async function isDead(holder: string): Promise<boolean> {
  const pid = Number(/ (\d+)\n$/.exec(holder)?.[1] ?? 0)
  if (pid === 0 || holder !== (await identity(pid))) return false
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return errnoOf(error) === 'ESRCH'
  }
}
