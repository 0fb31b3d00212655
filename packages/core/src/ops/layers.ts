import type { Result, Solved } from '@tsbuild/solver'
import { canonicalDigest, type JsonValue, type SnapshotName } from '@tsbuild/spec'
import type { OpServices } from './services.js'

/** What a vertex gives: an ordered chain of layers, lowest first. `id` names this very result; a step made again has another one. */
export interface LayerChain extends Result {
  readonly layers: readonly SnapshotName[]
}

export type SolvedChain = Solved<LayerChain>

/** Nothing at all: `FROM scratch`. */
export const emptyChain: LayerChain = { id: 'scratch', layers: [] }

/** The chain with one layer more; its id is that layer's name, since each run makes a new one. */
export function addLayer(base: LayerChain, layer: SnapshotName): LayerChain {
  return { id: layer, layers: [...base.layers, layer] }
}

/** Chains put on one another without running anything: the id is made of theirs, so it is the same wherever these results are. */
export function stack(chains: readonly LayerChain[]): LayerChain {
  const filled = chains.filter(({ id }) => id !== emptyChain.id)
  const [only = emptyChain] = filled
  if (filled.length < 2) return only
  return { id: canonicalDigest(filled.map(({ id }) => id)), layers: filled.flatMap(({ layers }) => layers) }
}

/** Reads the layer's name back from a record's value. */
export function layerFromValue(value: JsonValue): SnapshotName | undefined {
  if (value === null || typeof value !== 'object' || !('layer' in value)) return undefined
  return typeof value.layer === 'string' ? (value.layer as SnapshotName) : undefined
}

/** The result of a step that made one layer on its first input, while that layer is still there, or promised by an import. */
export function loadLayer(
  value: JsonValue,
  base: SolvedChain | undefined,
  { snapshotter, tables, hold, lazy }: Pick<OpServices, 'snapshotter' | 'tables' | 'hold' | 'lazy'>,
): LayerChain | undefined {
  const layer = layerFromValue(value)
  if (layer === undefined || base === undefined) return undefined
  // With its row: one that is being fetched is not checked yet.
  if (snapshotter.has(layer) && tables.get(layer) !== undefined) hold.note([layer])
  else if (!lazy.promises(layer)) return undefined
  return addLayer(base.result, layer)
}
