import { type CallOptions, type ChainID, chainIDs, type DiffID, type Digest, type SnapshotName } from '@tsbuild/spec'
import type { LayerTables } from '@tsbuild/store'
import type { EngineParts } from '../engine-parts.js'
import type { NamedImage } from './stored-images.js'

type Parts = Pick<EngineParts, 'store' | 'tables' | 'content' | 'snapshotter' | 'beforeWrite'>

/** What an image has: it may be that others have it, too. */
export interface ImageResources {
  /** Digests of blobs and layers, and names of snapshots. */
  readonly names: ReadonlySet<string>
  /** The stack that each snapshot is the top of; several may be of one. */
  readonly chains: ReadonlyMap<SnapshotName, ChainID>
}

export interface Freed {
  /** ChainIDs of the layers that are gone, topmost first. */
  readonly layers: readonly Digest[]
  readonly bytes: number
}

/** Everything that these images' names keep alive. To be asked before the names are taken away. */
export function resourcesOf(
  { tables }: Pick<EngineParts, 'tables'>,
  images: readonly Pick<NamedImage, 'descriptor' | 'manifest' | 'config'>[],
): ImageResources {
  const names = new Set<string>()
  const chains = new Map<SnapshotName, ChainID>()
  for (const { descriptor, manifest, config } of images) {
    const blobs = [descriptor, manifest.config, ...manifest.layers]
    for (const { digest } of blobs) names.add(digest)
    for (const diffId of config.rootfs.diff_ids) {
      names.add(diffId)
      for (const { digest } of tables.blobs(diffId)) names.add(digest)
    }
    for (const chainId of chainIDs(config.rootfs.diff_ids)) {
      const layers = tables.chain(chainId) ?? []
      for (const layer of layers) names.add(layer)
      const top = layers.at(-1)
      if (top !== undefined) chains.set(top, chainId)
    }
    addRewritten(tables, config.rootfs.diff_ids, names, chains)
  }
  return { names, chains }
}

/** The layers that an image with cut times is made of. */
function addRewritten(
  tables: LayerTables,
  diffIds: readonly DiffID[],
  names: Set<string>,
  chains: Map<SnapshotName, ChainID>,
): void {
  const ids = chainIDs(diffIds)
  const top = ids.at(-1)
  const layers = top === undefined ? [] : (tables.rewritten(top) ?? [])
  for (const [index, { snapshot }] of layers.entries()) {
    const diffId = tables.get(snapshot)?.diffId
    const forms = diffId === undefined ? [] : [diffId, ...tables.blobs(diffId).map(({ digest }) => digest)]
    for (const name of [snapshot, ...forms]) names.add(name)
    const chainId = ids[index]
    if (chainId !== undefined) chains.set(snapshot, chainId)
  }
}

/** Takes away those of the resources that no image, container, cache record, repository or lease reaches, however young they are. */
export async function freeUnreached(parts: Parts, resources: ImageResources, call: CallOptions = {}): Promise<Freed> {
  const { store, snapshotter } = parts
  const report = await store.collectGarbage({
    ...call,
    only: resources.names,
    graceMs: 0,
    takeSnapshot: (name) => snapshotter.takeAway(name),
  })
  const gone = new Set(report.snapshots)
  const layers = [...resources.chains].flatMap(([name, chainId]) => (gone.has(name) ? [chainId] : []))
  return { layers: [...new Set(layers)].reverse(), bytes: report.blobBytes + report.snapshotBytes }
}

/** Takes away what has been of no use to anyone for a while, e.g. what interrupted work left. */
export async function collectLeftovers({ store, snapshotter, beforeWrite }: Parts, call: CallOptions): Promise<number> {
  await beforeWrite()
  const report = await store.collectGarbage({
    ...call,
    takeSnapshot: (name) => snapshotter.takeAway(name),
    listSnapshots: () => snapshotter.list(),
  })
  return report.blobBytes + report.snapshotBytes
}
