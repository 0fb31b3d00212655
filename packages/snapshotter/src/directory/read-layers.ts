import { asDiffID, type ByteStream, digestOf, type LayerInfo, type PackOptions, type SnapshotName } from '@tsbuild/spec'
import type { LayerFormat } from '../layers/layer.js'
import { endOfArchive } from '../tar/encode.js'
import type { PackChainInput, PackLayerInput } from '../tasks/messages.js'
import type { SnapshotDirectory } from './snapshot-directory.js'

const emptyLayer: LayerInfo = { diffId: asDiffID(digestOf(endOfArchive)), size: endOfArchive.length }

/** What a layer's tar is, or the tar; a layer without entries needs no worker. */
export async function deriveLayer(
  directory: SnapshotDirectory,
  format: LayerFormat,
  name: SnapshotName,
  { maxMtime, signal }: PackOptions,
): Promise<LayerInfo> {
  signal?.throwIfAborted()
  const { entries, root } = directory.record(name)
  if (entries === 0) return emptyLayer
  const input: PackLayerInput = { format, directory: directory.layout.committed(name), root, maxMtime }
  return directory.pool.run<LayerInfo>('derive', input, signal === undefined ? {} : { signal })
}

export async function* packLayerStream(
  directory: SnapshotDirectory,
  format: LayerFormat,
  name: SnapshotName,
  { maxMtime, signal }: PackOptions,
): ByteStream & AsyncGenerator<Uint8Array> {
  signal?.throwIfAborted()
  const { entries, root } = directory.record(name)
  if (entries === 0) return yield new Uint8Array(endOfArchive)
  const input: PackLayerInput = { format, directory: directory.layout.committed(name), root, maxMtime }
  yield* directory.pool.stream('pack', input, signal === undefined ? {} : { signal })
}

export async function* packChainStream(
  directory: SnapshotDirectory,
  format: LayerFormat,
  layers: readonly SnapshotName[],
  { maxMtime, signal }: PackOptions,
): ByteStream & AsyncGenerator<Uint8Array> {
  signal?.throwIfAborted()
  const input: PackChainInput = { format, layers: directory.chain(layers), maxMtime }
  yield* directory.pool.stream('packChain', input, signal === undefined ? {} : { signal })
}
