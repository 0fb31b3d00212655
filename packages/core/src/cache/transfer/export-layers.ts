import { decompress, type LayerSource, layerBlob, mapLimited, type OnBlobProgress } from '@tsbuild/exporter'
import { InputGoneError } from '@tsbuild/solver'
import {
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
    const had = layer.forms.find(({ digest }) => there.has(digest) && !request.lazy.damaged.has(digest))
    const blob = had ?? (await sendLayer(parts, layer, { ...request, signal: inner }))
    if (blob === undefined) return
    blobs.set(layer.info.diffId, blob)
    if (had !== undefined) return
    sentBlobs++
    sentBytes += blob.size
  })
  const layers = known.flatMap(({ name, info, createdAt }): ExportedLayer[] => {
    const blob = blobs.get(info.diffId)
    if (blob === undefined) return []
    const { mediaType, digest, size } = blob
    return [{ name, diffId: info.diffId, size: info.size, createdAt, blob: { mediaType, digest, size } }]
  })
  return { layers, sentBlobs, sentBytes }
}

interface KnownLayer {
  readonly name: SnapshotName
  readonly info: SourceLayer
  readonly createdAt: number
  /** Forms of it that fit what was asked for. */
  readonly forms: readonly Descriptor[]
  /** The form in which it can be had, where it is not here. */
  readonly elsewhere: Descriptor | undefined
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
  const elsewhere = promised?.blob
  const all: Descriptor[] = [...(elsewhere === undefined ? [] : [elsewhere]), ...parts.tables.blobs(diffId)]
  const wanted = compressionOf(compression).compression
  const forms = all.filter(
    ({ mediaType }) => compression.forceCompression !== true || layerCompression(mediaType) === wanted,
  )
  return { name, info: { diffId, size, snapshot: name }, createdAt, forms, elsewhere }
}

/** Sends a layer in the form in which it is elsewhere, where that will do, else in one that is made now.
 * @returns undefined where nobody has the layer any more */
async function sendLayer(
  parts: EngineParts,
  layer: KnownLayer,
  request: LayersExport,
): Promise<Descriptor | undefined> {
  const { backend, source, compression, lazy, onProgress, signal } = request
  const { info, elsewhere, forms } = layer
  const call = signal === undefined ? {} : { signal }
  const bytes = elsewhere === undefined ? openImageSource(parts, [info]) : passedOn(parts, layer, elsewhere, lazy)
  try {
    const asItIs = elsewhere !== undefined && forms.includes(elsewhere) ? elsewhere : undefined
    const blob = asItIs ?? (await layerBlob(info, bytes, { ...call, ...compressionOf(compression), onProgress }))
    faultPoint('cache-export.blob.before')
    await backend.put(blob, (offset) => bytes.read(blob, { ...call, offset }), {
      ...call,
      sources: parts.tables.blobs(info.diffId).flatMap((one) => (one.digest === blob.digest ? one.sources : [])),
      replace: lazy.damaged.has(blob.digest),
      onProgress: (done) => onProgress(blob.digest, done, blob.size, false),
    })
    faultPoint('cache-export.blob.after')
    onProgress(blob.digest, blob.size, blob.size, true)
    const { mediaType, digest, size } = blob
    await parts.tables.addBlob(info.diffId, { mediaType, digest, size, sources: source === undefined ? [] : [source] })
    return blob
  } catch (error) {
    // Told when it was found; the step's key is exported all the same.
    if (error instanceof InputGoneError) return undefined
    throw error
  }
}

/** A layer that is not here: its blob as it comes, and its tar unpacked from that, to be compressed anew. */
function passedOn(
  parts: EngineParts,
  { name, info }: KnownLayer,
  elsewhere: Descriptor,
  lazy: LazyLayers,
): LayerSource {
  const local = openImageSource(parts, [info])
  return {
    ...local,
    read(blob, options = {}) {
      if (blob.digest === elsewhere.digest) return lazy.read(name, options)
      const compression = layerCompression(elsewhere.mediaType)
      if (blob.digest !== info.diffId || compression === undefined) return local.read(blob, options)
      return decompress(lazy.read(name, options), compression)
    },
  }
}
