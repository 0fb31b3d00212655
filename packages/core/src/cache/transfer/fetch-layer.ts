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
import type { LayerPlace, LazyLayer, LazyServices, PresentOptions } from './lazy-layers.js'
import { readChecked } from './read-blob.js'

export interface FetchOptions extends PresentOptions {
  readonly signal: AbortSignal
  /** The layers below, once they are here. */
  readonly below: Promise<readonly SnapshotName[]>
}

/** Brings a layer of an imported cache here under its own name, and the records of its step: from now on they are this root's own.
 * @throws {CoreError} `CACHE_INVALID`; what the backend throws, the last one's where there are several */
export async function fetchLayer(layer: LazyLayer, services: LazyServices, options: FetchOptions): Promise<void> {
  const { locks, snapshotter, hold, beforeWrite, store } = services
  const { signal } = options
  await using _lock = await locks.acquire(`layer ${layer.name}`, { signal })
  if (snapshotter.has(layer.name) && services.tables.get(layer.name) !== undefined) return
  await beforeWrite()
  await hold.hold([], layer.name)
  // Left by somebody who was killed before anything referred to it.
  await snapshotter.remove(layer.name)
  for (const [index, place] of layer.places.entries()) {
    try {
      await takeIn(layer, place, services, options)
      break
    } catch (error) {
      if (signal.aborted || index === layer.places.length - 1) throw error
    }
  }
  faultPoint('cache-import.layer.applied')
  for (const record of layer.records) await store.cache.save(record)
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
  await tables.set(name, { diffId, sizeBytes: info.size, bytes, entries, createdAt })
  const { mediaType, digest } = blob
  await tables.addBlob(diffId, { mediaType, digest, size: blob.size, sources: source === undefined ? [] : [source] })
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
