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
    const state = wrongOf(parts, fromStored(row))
    if (state === undefined) {
      yield* checkImage(parts, fromStored(row))
      continue
    }
    yield {
      kind: 'containerDangling',
      severity: 'error',
      subject: row.name,
      state,
      repair: 'remove the container, unless it runs',
      mend: () =>
        withContainerLock(parts, row.id, {}, async () => {
          const now = parts.store.containers.get(row.id)
          if (now === undefined || fromStored(now).state.status === 'running') return false
          if (wrongOf(parts, fromStored(now)) === undefined) return false
          await removeContainer(parts, row.id)
          return true
        }),
    }
  }
}

/** The container has its files without its image's blobs, which may be pulled or built again: it is only told. */
function* checkImage({ store, content }: EngineParts, { id, manifest, state }: ContainerRecord): Generator<Problem> {
  if (state.status === 'creating' || state.status === 'removing' || content.hasBlob(manifest.digest)) return
  const now = store.containers.get(id)
  if (now === undefined || content.hasBlob(manifest.digest)) return
  yield {
    kind: 'containerDangling',
    severity: 'error',
    subject: now.name,
    state: `the manifest of its image, ${manifest.digest}, is not there`,
    repair: 'none: pull or build the image again, or remove the container',
    mend: async () => false,
  }
}

function wrongOf({ root, snapshotter }: EngineParts, { id, layers, state }: ContainerRecord): string | undefined {
  // Those are finished, or removed, by whoever finds them next.
  if (state.status === 'creating' || state.status === 'removing') return undefined
  const missing = layers.find((name) => !snapshotter.has(name))
  if (missing !== undefined) return `its layer ${missing} is not there`
  const files = join(root, 'snapshots', '_active', containerSession(id), containerKey)
  return existsSync(files) ? undefined : 'its own files are not there'
}
