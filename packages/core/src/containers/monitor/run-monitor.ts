import { closeSync, writeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { carryError, type LockFile, tryLockFile } from '@tsbuild/host'
import { type OpenParts, openParts } from '../../engine-open.js'
import { withContainerLock } from '../container-locks.js'
import { containerPaths } from '../container-paths.js'
import { containerRuntime } from '../container-runtime.js'
import { findContainer } from '../find-container.js'
import { removeContainer } from '../remove-container.js'
import { ownIdentity } from '../running-process.js'
import { ContainerRun } from './container-run.js'
import { openLogFile } from './log-file.js'
import { MonitorServer } from './monitor-server.js'
import { Outputs } from './outputs.js'
import { type MonitorConfig, readyFd } from './protocol.js'

/** Who only looks whether the lock is free holds it for microseconds. */
const lockPatienceMs = 30_000
const lockPauseMs = 2
const starterLookMs = 200

/** Watches over one container, from its start to its end: its output, its health, its exit code, and those who ask for it.
 * Tells on descriptor `readyFd` when it listens, as an empty line, or why it can't, as JSON. Resolves when nothing is left to do. */
export async function runMonitor(config: MonitorConfig): Promise<void> {
  const paths = containerPaths(config.root, config.id)
  let lock: LockFile | undefined
  try {
    lock = await takeLock(paths.lock)
    await using parts = await openParts({ ...config })
    await watchOver(parts, config)
  } catch (error) {
    tellStarter(JSON.stringify(carryError(error)))
    throw error
  } finally {
    lock?.release()
  }
}

async function watchOver(parts: OpenParts, { id, starter }: MonitorConfig): Promise<void> {
  const paths = containerPaths(parts.root, id)
  const record = findContainer(parts.store.containers, id)
  using log = openLogFile(paths.log, record.settings.log)
  const outputs = new Outputs(log)
  const runtime = await containerRuntime(parts)
  const run = new ContainerRun(record, { parts, runtime, outputs, monitor: ownIdentity() })
  const server = new MonitorServer(paths.directory, run, outputs)
  await server.listen()
  process.on('SIGTERM', () => {
    server.abandon()
    void run.stop()
  })
  tellStarter('')
  // A starter that was killed before it connected will not come.
  const watch = setInterval(() => process.ppid !== starter && server.abandon(), starterLookMs)
  // Who wanted to start it knows why it did not.
  const exitCode = await server.started
    .finally(() => clearInterval(watch))
    .then(
      () => run.ended(),
      () => undefined,
    )
  // Where it did not start, that is the starter's business, who has the lock.
  if (record.settings.autoRemove && exitCode !== undefined) {
    await withContainerLock(parts, id, {}, () => removeContainer(parts, id)).catch((error) => console.error(error))
  }
  await server.close(exitCode)
}

async function takeLock(path: string): Promise<LockFile> {
  for (const until = Date.now() + lockPatienceMs; ; ) {
    const lock = tryLockFile(path)
    if (lock !== undefined) return lock
    if (Date.now() > until) throw new Error(`somebody holds ${path}`)
    await delay(lockPauseMs)
  }
}

function tellStarter(line: string): void {
  try {
    writeSync(readyFd, `${line}\n`)
    closeSync(readyFd)
  } catch {
    // It was told already, or has gone.
  }
}
