import type { Mount, SnapshotName, SnapshotUsage } from '@tsbuild/spec'
import { addLayer, type LayerChain } from './layers.js'
import { newSnapshotKey, newSnapshotName } from './names.js'
import type { OpServices } from './services.js'

export interface MadeLayer<T> {
  readonly chain: LayerChain
  readonly layer: SnapshotName
  readonly usage: SnapshotUsage
  readonly value: T
}

/** Makes one layer on top of `base`: prepares an active snapshot, lets `change` work in its mount and commits what it did.
 * Whatever goes wrong, no active snapshot is left. */
export async function makeLayer<T>(
  {
    snapshotter,
    tables,
    beforeWrite,
    warmRuntime,
  }: Pick<OpServices, 'snapshotter' | 'tables' | 'beforeWrite' | 'warmRuntime'>,
  base: LayerChain,
  signal: AbortSignal,
  change: (mount: Mount) => Promise<T>,
): Promise<MadeLayer<T>> {
  warmRuntime()
  await beforeWrite()
  const key = newSnapshotKey()
  const mount = await snapshotter.prepare(key, base.layers, { signal })
  try {
    const value = await change(mount)
    const layer = newSnapshotName()
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
