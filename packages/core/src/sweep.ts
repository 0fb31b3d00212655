import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { removeFreeLocks } from '@tsbuild/host'
import type { DirectorySnapshotter } from '@tsbuild/snapshotter'
import type { KeyLocks, SessionLocks } from '@tsbuild/spec'
import type { ContainerTable } from '@tsbuild/store'
import { sweepAsides } from './cache/mounts/aside.js'
import { withContainerLock } from './containers/container-locks.js'
import { containerSession } from './containers/container-snapshot.js'
import { fromStored } from './containers/record.js'
import { removeContainer } from './containers/remove-container.js'

export interface SweepServices {
  readonly root: string
  readonly sessions: SessionLocks
  readonly snapshotter: DirectorySnapshotter
  readonly containers: ContainerTable
  readonly locks: KeyLocks
  readonly openSnapshotter: (session: string) => DirectorySnapshotter
  /** Folder of streamed contexts: one folder a session. */
  readonly contexts: string
  /** Folder of `RUN --mount=type=cache` contents. */
  readonly cacheDirectory: string
  /** Where the worker entry files lie, for bundled programs. */
  readonly workerDir?: string
}

/** Cleans up after sessions whose process is gone: ends the processes of their steps and takes their active snapshots away, and those
 * of containers that were being made or removed. Living sessions and containers are left alone. Partial blobs are the store's own
 * business. */
export async function sweepDeadSessions(services: SweepServices): Promise<void> {
  const { sessions, snapshotter, contexts, containers } = services
  await removeHalfContainers(services)
  const dead: AsyncDisposable[] = []
  const isDead = (session: string) => {
    if (session === sessions.session || isContainer(containers, session)) return false
    const lock = sessions.takeDead(session)
    if (lock !== undefined) dead.push(lock)
    return lock !== undefined
  }
  try {
    const swept = await snapshotter.sweep(isDead)
    for (const session of await readdir(contexts).catch(() => [])) {
      if (swept.includes(session) || isDead(session))
        await rm(join(contexts, session), { recursive: true, force: true })
    }
  } finally {
    for (const lock of dead) await lock[Symbol.asyncDispose]()
  }
  await sweepAsides(services.cacheDirectory, services.workerDir)
  await removeFreeLocks(join(services.root, 'locks'))
}

/** A container's snapshot is that of a session of its own, which nobody holds. */
function isContainer(containers: ContainerTable, session: string): boolean {
  return containers.list().some(({ id }) => containerSession(id) === session)
}

/** Whoever makes or removes a container holds its lock meanwhile. */
async function removeHalfContainers(services: SweepServices): Promise<void> {
  const { containers, locks } = services
  const isHalf = (id: string) => {
    const row = containers.get(id)
    return row !== undefined && ['creating', 'removing'].includes(fromStored(row).state.status)
  }
  for (const { id } of containers.list()) {
    if (!isHalf(id)) continue
    const soon = AbortSignal.timeout(halfPatienceMs)
    try {
      await withContainerLock({ locks }, id, { signal: soon }, async () => {
        if (isHalf(id)) await removeContainer({ ...services, store: { containers } }, id)
      })
    } catch (error) {
      if (!soon.aborted) throw error
    }
  }
}

/** A lock that is not free within this time is held by who is at it. */
const halfPatienceMs = 50
