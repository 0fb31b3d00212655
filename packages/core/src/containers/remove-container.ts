import { rm } from 'node:fs/promises'
import type { EngineParts } from '../engine-parts.js'
import { containerPaths } from './container-paths.js'
import { removeContainerSnapshot } from './container-snapshot.js'
import { changeState, endLeftovers } from './life.js'
import { unmountContainer } from './mount-container.js'

type Parts = Pick<EngineParts, 'openSnapshotter' | 'root'> & {
  readonly store: Pick<EngineParts['store'], 'containers'>
}

/** Takes a container away that does not run; may be called again where it was interrupted. The row goes last: while it is there, what
 * is left is known. */
export async function removeContainer(parts: Parts, id: string): Promise<void> {
  await changeState(parts, id, (state) => ({ ...state, status: 'removing' }))
  await unmountContainer(parts, id, { force: true })
  await endLeftovers(parts, id)
  await removeContainerSnapshot(parts, id)
  // A monitor that is just ending may still write into it.
  await rm(containerPaths(parts.root, id).directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 })
  await parts.store.containers.remove(id)
}
