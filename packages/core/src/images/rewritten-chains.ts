import { chainIDs, type DiffID, type JsonValue, type SnapshotName } from '@tsbuild/spec'
import type { EngineParts } from '../engine-parts.js'
import type { SourceLayer } from './image-source.js'

/** A layer of an image whose times were cut: its diffID is not the one that its snapshot is known by. */
interface Row {
  readonly layers: readonly {
    readonly snapshot: SnapshotName
    readonly size: number
    readonly maxMtime: number | null
    readonly fromBase: boolean
  }[]
}

type Parts = Pick<EngineParts, 'store' | 'snapshotter'>

const table = ({ store }: Parts) => store.metadata.table<JsonValue>('rewritten-chains')

/** Remembers of what such an image is made, so that it can leave later, too. */
export async function rememberRewritten(parts: Parts, layers: readonly SourceLayer[]): Promise<void> {
  const top = chainIDs(layers.map(({ diffId }) => diffId)).at(-1)
  if (top === undefined) return
  const row: Row = {
    layers: layers.map(({ snapshot, size, maxMtime, fromBase }) => ({
      snapshot,
      size,
      maxMtime: maxMtime ?? null,
      fromBase: fromBase === true,
    })),
  }
  await table(parts).put(top, row as unknown as JsonValue)
}

/** The layers of such an image, lowest first, while all of their snapshots are there. */
export function rewrittenLayers(parts: Parts, diffIds: readonly DiffID[]): SourceLayer[] | undefined {
  const top = chainIDs(diffIds).at(-1)
  const row = top === undefined ? undefined : (table(parts).get(top) as unknown as Row | undefined)
  if (row?.layers.length !== diffIds.length) return undefined
  if (!row.layers.every(({ snapshot }) => parts.snapshotter.has(snapshot))) return undefined
  return row.layers.map(({ maxMtime, ...layer }, index) => ({
    ...layer,
    diffId: diffIds[index] as DiffID,
    ...(maxMtime === null ? {} : { maxMtime }),
  }))
}
