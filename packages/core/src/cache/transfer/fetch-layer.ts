import { decompress } from '@tsbuild/exporter'
import {
  type ByteStream,
  type Descriptor,
  digestHex,
  faultPoint,
  layerCompression,
  type SnapshotName,
} from '@tsbuild/spec'
import { CoreError } from '../../errors.js'
import type { LazyServices, PresentOptions } from './lazy-layers.js'
import type { LayerPlace, LazyLayer } from './promised-layers.js'
import { readChecked } from './read-blob.js'

export interface FetchOptions extends PresentOptions {
  readonly signal: AbortSignal
  /** The layers below, once they are here. */
  readonly below: Promise<readonly SnapshotName[]>
}

/** Brings a layer of an imported cache here under its own name, and the records of its step: from now on they are this root's own.
 * The caller has the layer's lock and holds the layer.
 * @throws {CoreError} `CACHE_INVALID`; what the backend throws */
export async function fetchLayer(
  layer: LazyLayer,
  place: LayerPlace,
  services: LazyServices,
  options: FetchOptions,
): Promise<void> {
  const { snapshotter, tables, store } = services
  if (!snapshotter.has(layer.name) || tables.get(layer.name) === undefined) {
    // Left by somebody who was killed before anything referred to it.
    await snapshotter.remove(layer.name)
    await takeIn(layer, place, services, options)
    faultPoint('cache-import.layer.applied')
  }
  const unknown = layer.records.filter(
    ({ key, resultId }) => !store.cache.lookup(key).some((known) => known.resultId === resultId),
  )
  // Writes become visible in their order, so no record is seen before the layer that it names.
  await Promise.all(unknown.map((record) => store.cache.save(record)))
}

async function takeIn(
  { name, diffId, size, createdAt }: LazyLayer,
  place: LayerPlace,
  { snapshotter, tables }: LazyServices,
  { below, signal, onProgress }: FetchOptions,
): Promise<void> {
  const { blob, source } = place
  const compression = layerCompression(blob.mediaType)
  if (compression === undefined) throw invalid(place, `media type "${blob.mediaType}" is unknown`)
  const item = digestHex(blob.digest).slice(0, 12)
  const counted = watched(readChecked(place, { signal }), blob, (bytes) => onProgress?.(item, bytes, blob.size))
  const tar = bounded(decompress(counted, compression), size, place)
  const info = await snapshotter.apply(name, tar, { signal, below })
  if (info.diffId !== diffId) {
    await snapshotter.remove(name)
    throw invalid(place, `its content is ${info.diffId}, the record says ${diffId}`)
  }
  const { bytes, entries } = info
  const { mediaType, digest } = blob
  const sources = source === undefined ? [] : [source]
  await Promise.all([
    tables.set(name, { diffId, sizeBytes: info.size, bytes, entries, createdAt }),
    tables.addBlob(diffId, { mediaType, digest, size: blob.size, sources }),
  ])
  onProgress?.(item, blob.size, blob.size, true)
}

async function* watched(data: ByteStream, { size }: Descriptor, tell: (bytes: number) => void): ByteStream {
  let bytes = 0
  let told = 0
  for await (const chunk of data) {
    yield chunk
    bytes += chunk.length
    if (bytes - told < Math.max(size / 100, 1 << 20)) continue
    told = bytes
    tell(bytes)
  }
}

/** A layer that unpacks to more than it should is not unpacked any further. */
async function* bounded(tar: ByteStream, size: number, place: LayerPlace): ByteStream {
  let bytes = 0
  for await (const chunk of tar) {
    bytes += chunk.length
    if (bytes > size) throw invalid(place, `it unpacks to more than ${size} bytes`)
    yield chunk
  }
}

function invalid({ backend, blob }: LayerPlace, state: string): CoreError {
  return new CoreError('CACHE_INVALID', `Cannot use layer "${blob.digest}" of cache ${backend.title}: ${state}`)
}
