import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { OnCheckProgress, Problem } from '@tsbuild/store'
import { withContainerLock } from '../containers/container-locks.js'
import { containerKey, containerSession } from '../containers/container-snapshot.js'
import { type ContainerRecord, fromStored } from '../containers/record.js'
import { removeContainer } from '../containers/remove-container.js'
import type { EngineParts } from '../engine-parts.js'

/** Looks for the files of every container, and for what it stands on. */
export async function* checkContainers(parts: EngineParts, onProgress: OnCheckProgress): AsyncGenerator<Problem> {
  const rows = parts.store.containers.list()
  for (const [index, row] of rows.entries()) {
    onProgress('containers', index + 1, rows.length)
    if (!lacksFiles(parts, fromStored(row))) {
      yield* checkImage(parts, fromStored(row))
      continue
    }
    yield {
      kind: 'containerDangling',
      severity: 'error',
      subject: row.name,
      state: 'its own files are not there',
      repair: 'remove the container, unless it runs',
      mend: () =>
        withContainerLock(parts, row.id, {}, async () => {
          const now = parts.store.containers.get(row.id)
          if (now === undefined || fromStored(now).state.status === 'running') return false
          if (!lacksFiles(parts, fromStored(now))) return false
          await removeContainer(parts, row.id)
          return true
        }),
    }
  }
}

/** The container has its files, which nobody else has, so it is only told what it stands on and is not there. */
function* checkImage(parts: EngineParts, container: ContainerRecord): Generator<Problem> {
  if (isHalf(container)) return
  const missing = missingOf(parts, container)
  const now = parts.store.containers.get(container.id)
  if (missing === undefined || now === undefined || missingOf(parts, fromStored(now)) === undefined) return
  yield {
    kind: 'containerDangling',
    severity: 'error',
    subject: now.name,
    ...missing,
    mend: async () => false,
  }
}

function missingOf(
  { root, snapshotter, content }: EngineParts,
  { id, name, layers, manifest }: ContainerRecord,
): Pick<Problem, 'state' | 'repair'> | undefined {
  const layer = layers.find((one) => !snapshotter.has(one))
  if (layer !== undefined) {
    const files = join(containerDirectory(root, id), 'fs')
    const repair = `none: save what you need of its own files, in "${files}", and remove it with "tsbuild rm ${name}"`
    return { state: `its layer ${layer} is not there`, repair }
  }
  if (content.hasBlob(manifest.digest)) return undefined
  return {
    state: `the manifest of its image, ${manifest.digest}, is not there`,
    repair: 'none: pull or build the image again, or remove the container',
  }
}

/** Those are finished, or removed, by whoever finds them next. */
function isHalf({ state }: ContainerRecord): boolean {
  return state.status === 'creating' || state.status === 'removing'
}

function lacksFiles({ root }: EngineParts, container: ContainerRecord): boolean {
  return !isHalf(container) && !existsSync(containerDirectory(root, container.id))
}

function containerDirectory(root: string, id: string): string {
  return join(root, 'snapshots', '_active', containerSession(id), containerKey)
}
