import type { ActiveSnapshot } from '@tsbuild/snapshotter'
import { type CallOptions, hasCode } from '@tsbuild/spec'
import type { EngineParts } from '../engine-parts.js'
import { withContainerLock } from './container-locks.js'
import { containerRuntime } from './container-runtime.js'
import { containerKey, containerSession } from './container-snapshot.js'
import type { ContainerRecord } from './record.js'

export interface StillFilesOptions extends CallOptions {
  readonly pause: boolean
}

/** Does `body` while nobody starts or removes the container, and, with `pause`, while nothing in it runs. `load` gives the settled
 * record. */
export async function withStillFiles<T>(
  parts: EngineParts,
  id: string,
  load: () => Promise<ContainerRecord>,
  { pause, ...call }: StillFilesOptions,
  body: (record: ContainerRecord) => Promise<T>,
): Promise<T> {
  return await withContainerLock(parts, id, call, async () => {
    const record = await load()
    const { process } = record.state
    if (!pause || record.state.status !== 'running' || process === undefined) return await body(record)
    await using paused = await pauseProcess(parts, process)
    return await body(paused === undefined ? await load() : record)
  })
}

/** Nothing for one that has just ended. */
async function pauseProcess(
  parts: EngineParts,
  process: NonNullable<ContainerRecord['state']['process']>,
): Promise<AsyncDisposable | undefined> {
  const runtime = await containerRuntime(parts)
  try {
    return await runtime.pause(process)
  } catch (error) {
    if (hasCode(error, 'PROCESS_GONE')) return undefined
    throw error
  }
}

/** The snapshot that has what a container wrote, less what the runtime put there to mount on. */
export function containerFilesOf({ id, state }: Pick<ContainerRecord, 'id' | 'state'>): ActiveSnapshot {
  return { session: containerSession(id), key: containerKey, mountPoints: state.mountPoints ?? [] }
}
