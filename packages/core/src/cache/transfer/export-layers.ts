import { layerBlob, mapLimited, type OnBlobProgress } from '@tsbuild/exporter'
import {
  type ByteStream,
  type CacheBackend,
  type CallOptions,
  type Descriptor,
  type Digest,
  faultPoint,
  layerCompression,
  type SnapshotName,
} from '@tsbuild/spec'
import type { BlobSource } from '@tsbuild/store'
import type { LayerCompression } from '../../api.js'
import { compressionOf } from '../../build/compression.js'
import type { EngineParts } from '../../engine-parts.js'
import { openImageSource, type SourceLayer } from '../../images/image-source.js'
import type { ExportedLayer } from './cache-document.js'
import type { LazyLayers } from './lazy-layers.js'

export interface LayersExport extends CallOptions {
  readonly backend: CacheBackend
  /** The repository, where the backend is a registry. */
  readonly source?: BlobSource | undefined
  readonly lazy: LazyLayers
  readonly compression: LayerCompression
  readonly onProgress: OnBlobProgress
}

export interface SentLayers {
  readonly layers: readonly ExportedLayer[]
  readonly sentBlobs: number
  readonly sentBytes: number
}

const blobsAtOnce = 4

/** Brings layers to a cache in the form in which it has them already, else in one that is known here, else compressed now. */
export async function exportLayers(
  parts: EngineParts,
  names: readonly SnapshotName[],
  request: LayersExport,
): Promise<SentLayers> {
  const { backend, signal } = request
  const known = await mapLimited(names, blobsAtOnce, signal, (name, inner) =>
    knownLayer(parts, name, { ...request, signal: inner }),
  )
  const call = signal === undefined ? {} : { signal }
  const there = await backend.has([...new Set(known.flatMap(({ forms }) => forms.map(({ digest }) => digest)))], call)
  const distinct = [...new Map(known.map((layer) => [layer.info.diffId, layer])).values()]
  let [sentBlobs, sentBytes] = [0, 0]
  const blobs = new Map<Digest, Descriptor>()
  await mapLimited(distinct, blobsAtOnce, signal, async (layer, inner) => {
    const had = layer.forms.find(({ digest }) => there.has(digest))
    if (had !== undefined) return blobs.set(layer.info.diffId, had)
    const blob = await sendLayer(parts, layer, { ...request, signal: inner })
    sentBlobs++
    sentBytes += blob.size
    return blobs.set(layer.info.diffId, blob)
  })
  const layers = known.map(({ name, info, createdAt }): ExportedLayer => {
    const { diffId, size } = info
    return { name, diffId, size, createdAt, blob: plainDescriptor(blobs.get(diffId)) }
  })
  return { layers, sentBlobs, sentBytes }
}

interface KnownLayer {
  readonly name: SnapshotName
  readonly info: SourceLayer
  readonly createdAt: number
  /** Forms of it that fit what was asked for. */
  readonly forms: readonly Descriptor[]
  /** It is not here. */
  readonly lazy: boolean
}

async function knownLayer(
  parts: EngineParts,
  name: SnapshotName,
  { lazy, compression, signal }: LayersExport,
): Promise<KnownLayer> {
  const promised = lazy.info(name)
  const call = signal === undefined ? {} : { signal }
  const { diffId, size } = promised ?? (await parts.diffIds.get(name, call))
  const createdAt = promised?.createdAt ?? parts.tables.get(name)?.createdAt ?? 0
  const all: Descriptor[] = [...(promised === undefined ? [] : [promised.blob]), ...parts.tables.blobs(diffId)]
  const wanted = compressionOf(compression).compression
  const forms = all.filter(
    ({ mediaType }) => compression.forceCompression !== true || layerCompression(mediaType) === wanted,
  )
  return { name, info: { diffId, size, snapshot: name }, createdAt, forms, lazy: promised !== undefined }
}

async function sendLayer(parts: EngineParts, layer: KnownLayer, request: LayersExport): Promise<Descriptor> {
  const { backend, source, compression, onProgress, signal } = request
  const { info, name } = layer
  const call = signal === undefined ? {} : { signal }
  const images = openImageSource(parts, [info])
  const [form] = layer.forms
  const promised = layer.lazy && form !== undefined
  const blob = promised ? form : await layerBlob(info, images, { ...call, ...compressionOf(compression), onProgress })
  const open = (offset: number): ByteStream =>
    promised ? request.lazy.read(name, { ...call, offset }) : images.read(blob, { ...call, offset })
  faultPoint('cache-export.blob.before')
  await backend.put(blob, open, {
    ...call,
    sources: parts.tables.blobs(info.diffId).flatMap(({ digest, sources }) => (digest === blob.digest ? sources : [])),
    onProgress: (bytes) => onProgress(blob.digest, bytes, blob.size, false),
  })
  faultPoint('cache-export.blob.after')
  onProgress(blob.digest, blob.size, blob.size, true)
  const { mediaType, digest, size } = blob
  await parts.tables.addBlob(info.diffId, { mediaType, digest, size, sources: source === undefined ? [] : [source] })
  return blob
}

function plainDescriptor(blob: Descriptor | undefined): Descriptor {
  if (blob === undefined) throw new RangeError('a layer that was not exported')
  const { mediaType, digest, size } = blob
  return { mediaType, digest, size }
}
