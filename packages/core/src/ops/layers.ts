import type { Result, Solved } from '@tsbuild/solver'
import { canonicalDigest, type JsonValue, type SnapshotName, type Snapshotter } from '@tsbuild/spec'
import type { LayerHold } from './layer-hold.js'

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

/** A chain that was put together without running anything has an id made of its layers. */
export function chainOf(layers: readonly SnapshotName[]): LayerChain {
  return layers.length === 0 ? emptyChain : { id: canonicalDigest(layers), layers }
}

/** Reads the layer's name back from a record's value. */
export function layerFromValue(value: JsonValue): SnapshotName | undefined {
  if (value === null || typeof value !== 'object' || !('layer' in value)) return undefined
  return typeof value.layer === 'string' ? (value.layer as SnapshotName) : undefined
}

/** The result of a step that made one layer on its first input, while that layer is still there. */
export function loadLayer(
  value: JsonValue,
  base: SolvedChain | undefined,
  { snapshotter, hold }: { readonly snapshotter: Snapshotter; readonly hold: LayerHold },
): LayerChain | undefined {
  const layer = layerFromValue(value)
  if (layer === undefined || base === undefined || !snapshotter.has(layer)) return undefined
  hold.note([layer])
  return addLayer(base.result, layer)
}
