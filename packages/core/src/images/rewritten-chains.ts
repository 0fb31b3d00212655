import { chainIDs, type DiffID, type SnapshotName, type Snapshotter } from '@tsbuild/spec'
import type { LayerTables } from '@tsbuild/store'
import type { SourceLayer } from './image-source.js'

/** Remembers of which snapshots an image is made whose times were cut, so that it can leave, and be built on, later, too. */
export async function rememberRewritten(tables: LayerTables, layers: readonly SourceLayer[]): Promise<void> {
  const top = chainIDs(layers.map(({ diffId }) => diffId)).at(-1)
  if (top === undefined) return
  await tables.setRewritten(
    top,
    layers.map(({ snapshot, size, maxMtime, fromBase }) => ({
      snapshot,
      size,
      maxMtime: maxMtime ?? null,
      fromBase: fromBase === true,
    })),
  )
}

/** The layers of such an image, lowest first, while all of their snapshots are there. */
export function rewrittenLayers(
  tables: LayerTables,
  snapshotter: Pick<Snapshotter, 'has'>,
  diffIds: readonly DiffID[],
): SourceLayer[] | undefined {
  const top = chainIDs(diffIds).at(-1)
  const layers = top === undefined ? undefined : tables.rewritten(top)
  if (layers?.length !== diffIds.length) return undefined
  if (!layers.every(({ snapshot }) => snapshotter.has(snapshot))) return undefined
  return layers.map(({ maxMtime, ...layer }, index) => ({
    ...layer,
    diffId: diffIds[index] as DiffID,
    ...(maxMtime === null ? {} : { maxMtime }),
  }))
}

/** The snapshot that is such a layer already, since nothing in it was cut. */
export function uncutSnapshot(tables: LayerTables, layer: SourceLayer | undefined): SnapshotName | undefined {
  if (layer === undefined) return undefined
  const isWhole = layer.maxMtime === undefined || tables.get(layer.snapshot)?.diffId === layer.diffId
  return isWhole ? layer.snapshot : undefined
}
