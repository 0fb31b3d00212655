import type { RunContext } from '@tsbuild/solver'
import type { Mount, SnapshotName, SnapshotUsage } from '@tsbuild/spec'
import { CoreError } from '../errors.js'
import { addLayer, type LayerChain } from './layers.js'
import { newSnapshotKey, newSnapshotName } from './names.js'
import type { OpServices } from './services.js'

export interface MadeLayer<T> {
  readonly chain: LayerChain
  readonly layer: SnapshotName
  readonly usage: SnapshotUsage
  readonly value: T
}

/** Makes one layer on top of a chain: prepares an active snapshot, lets `change` work in its mount and commits what it did.
 * Whatever goes wrong, no active snapshot is left. */
export async function makeLayer<T>(
  {
    snapshotter,
    tables,
    hold,
    lazy,
    beforeWrite,
    ensureRoom,
    warmRuntime,
  }: Pick<OpServices, 'snapshotter' | 'tables' | 'hold' | 'lazy' | 'beforeWrite' | 'ensureRoom' | 'warmRuntime'>,
  below: LayerChain,
  { signal, progress }: Pick<RunContext<LayerChain>, 'signal' | 'progress'>,
  change: (mount: Mount) => Promise<T>,
): Promise<MadeLayer<T>> {
  warmRuntime()
  const base = { id: below.id, layers: await lazy.present(below.layers, { signal, onProgress: progress }) }
  await beforeWrite()
  const key = newSnapshotKey()
  const layer = newSnapshotName()
  // The new one with those below: nobody takes it before something refers to it.
  const held = hold.hold(base.layers, [layer])
  held.catch(() => {})
  await ensureRoom()
  const mount = await snapshotter.prepare(key, base.layers, { signal }).catch((error) => {
    mustBeThere(base, snapshotter)
    throw error
  })
  try {
    await held
    mustBeThere(base, snapshotter)
    const value = await change(mount)
    const usage = await snapshotter.commit(layer, key, { signal })
    // Not awaited: writes become visible in their order, so no record is seen before the layer that it names; and where this one
    // fails, that of the record fails, too.
    tables.set(layer, { ...usage, createdAt: Date.now() }).catch(() => {})
    return { chain: addLayer(base, layer), layer, usage, value }
  } catch (error) {
    await snapshotter.remove(key)
    throw error
  }
}

/** Between its being found and its being held another process may have removed the image that it belonged to.
 * @throws {CoreError} `IMAGE_NOT_FOUND` */
function mustBeThere({ layers }: LayerChain, snapshotter: OpServices['snapshotter']): void {
  if (layers.every((layer) => snapshotter.has(layer))) return
  throw new CoreError('IMAGE_NOT_FOUND', 'Cannot build on an image: it was removed just now', { hint: 'Build again' })
}
