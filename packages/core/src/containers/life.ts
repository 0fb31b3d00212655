import { existsSync } from 'node:fs'
import { currentBootId, killProcessesUsing, tryLockFile } from '@tsbuild/host'
import { hasCode } from '@tsbuild/spec'
import type { ContainerTable } from '@tsbuild/store'
import type { EngineParts } from '../engine-parts.js'
import { containerPaths } from './container-paths.js'
import { containerFiles } from './container-snapshot.js'
import { type ContainerRecord, type ContainerState, fromStored, toStored } from './record.js'

type Parts = Pick<EngineParts, 'root'> & { readonly store: { readonly containers: ContainerTable } }

/** Whether the container's monitor lives: it holds the lock for as long, and the kernel takes it away when it dies. */
export function hasMonitor(root: string, id: string): boolean {
  const { directory, lock } = containerPaths(root, id)
  if (!existsSync(directory)) return false
  const free = tryLockFile(lock)
  free?.release()
  return free === undefined
}

/** The record as it is in truth: one that says `running` while nobody watches over it is put right, here and in the database. */
export async function settle(parts: Parts, record: ContainerRecord): Promise<ContainerRecord> {
  if (record.state.status !== 'running') return record
  const rebooted = record.state.bootId !== currentBootId()
  if (!rebooted && hasMonitor(parts.root, record.id)) return record
  const ended = rebooted
    ? { exitCode: 255, error: 'the machine was restarted' }
    : { exitCode: 137, error: 'its monitor was killed' }
  // It may have been started again since the record was read: then another monitor stands in it.
  const after = await changeState(parts, record.id, (state) =>
    state.status === 'running' && state.monitor?.startTime === record.state.monitor?.startTime
      ? { ...stopped(state, ended), ...leftPoints(state), ...(record.settings.autoRemove ? removing : {}) }
      : undefined,
  )
  return after ?? record
}

/** Its monitor would have removed it; now the next one to write anything does. */
const removing = { status: 'removing' } as const

/** What was made to mount on is still there, since nobody removed it. */
function leftPoints({ mountPoints }: ContainerState): Pick<ContainerState, 'mountPoints'> {
  return mountPoints === undefined ? {} : { mountPoints }
}

/** The state of a container that runs no more. */
export function stopped(
  state: ContainerState,
  { exitCode, error }: { readonly exitCode: number; readonly error?: string },
): ContainerState {
  const {
    process: _process,
    monitor: _monitor,
    bootId: _boot,
    mountPoints: _points,
    ports: _ports,
    address: _address,
    ...rest
  } = state
  return { ...rest, status: 'exited', finishedAt: Date.now(), exitCode, ...(error === undefined ? {} : { error }) }
}

/** Changes the state in one transaction. Resolves with the record afterwards; `undefined` where it is gone. */
export async function changeState(
  { store }: Pick<Parts, 'store'>,
  id: string,
  change: (state: ContainerState) => ContainerState | undefined,
): Promise<ContainerRecord | undefined> {
  const row = await store.containers.update(id, (stored) => {
    const record = fromStored(stored)
    const state = change(record.state)
    return state && toStored({ ...record, state })
  })
  return row && fromStored(row)
}

/** Ends what a killed monitor may have left in the container's file system. */
export async function endLeftovers(parts: Pick<EngineParts, 'openSnapshotter'>, id: string): Promise<void> {
  try {
    await killProcessesUsing(await containerFiles(parts, id))
  } catch (error) {
    if (!hasCode(error, 'SNAPSHOT_NOT_FOUND')) throw error
  }
}
