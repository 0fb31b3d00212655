import { createHash } from 'node:crypto'
import { decompress, type LayerSource } from '@tsbuild/exporter'
import {
  type ByteStream,
  type CallOptions,
  type Compression,
  type Descriptor,
  type DiffID,
  type Digest,
  digestFromHex,
  type LayerInfo,
  layerCompression,
  type SnapshotName,
} from '@tsbuild/spec'
import type { LazyLayers } from '../cache/transfer/lazy-layers.js'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'

/** A layer of an image and the snapshot that its tar is made of. */
export interface SourceLayer extends LayerInfo {
  readonly snapshot: SnapshotName
  readonly maxMtime?: number
  /** Whether a base image brought it. */
  readonly fromBase?: boolean
}

export type ImageSource = LayerSource

/** The bytes of a local image: blobs that lie in the content store as they are, layers as tars made of their snapshots. */
export function openImageSource(parts: EngineParts, layers: readonly SourceLayer[], lazy?: LazyLayers): ImageSource {
  const elsewhere = new Map(
    layers.flatMap(({ snapshot }) => {
      const info = lazy?.info(snapshot)
      return info === undefined ? [] : [[info.blob.digest as Digest, snapshot] as const]
    }),
  )
  const byDiffId = new Map<Digest, SourceLayer>(layers.map((layer) => [layer.diffId, layer]))
  return {
    read(descriptor, options = {}) {
      if (parts.content.hasBlob(descriptor.digest)) return parts.content.read(descriptor, options)
      const promised = elsewhere.get(descriptor.digest)
      if (promised !== undefined && lazy !== undefined) return lazy.read(promised, options)
      const layer = byDiffId.get(descriptor.digest)
      if (layer === undefined)
        throw new CoreError('IMAGE_INVALID', `Cannot read blob "${descriptor.digest}": it is not in the store`)
      return checked(tarOf(parts, layer, options), layer, options.offset ?? 0)
    },
    findCompressed(diffId, compression) {
      return findCompressed(parts, diffId, compression)
    },
    findOriginal(diffId) {
      const layer = byDiffId.get(diffId)
      const promised = layer === undefined ? undefined : lazy?.info(layer.snapshot)
      if (promised !== undefined) return withCompression(promised.blob)
      return layer?.fromBase === true ? findOriginal(parts, diffId) : undefined
    },
    ingestCompressed: (data, options) => parts.content.receiveBlob(data, options),
    rememberCompressed: (diffId, { mediaType, digest, size }) =>
      parts.tables.addBlob(diffId, { mediaType, digest, size, sources: [] }),
  }
}

function findCompressed(
  { tables, content }: EngineParts,
  diffId: DiffID,
  compression: Exclude<Compression, 'none'>,
): Descriptor | undefined {
  const ending = compression === 'gzip' ? /gzip$/ : /zstd$/
  return tables.blobs(diffId).find(({ mediaType, digest }) => ending.test(mediaType) && content.hasBlob(digest))
}

/** The blob in which a layer came from a registry. */
function findOriginal({ tables, content }: EngineParts, diffId: DiffID) {
  const blob = tables.blobs(diffId).find(({ digest, sources }) => sources.length > 0 && content.hasBlob(digest))
  return blob === undefined ? undefined : withCompression(blob)
}

function withCompression(blob: Descriptor) {
  const compression = layerCompression(blob.mediaType)
  return compression === undefined ? undefined : { ...blob, compression }
}

/** The tar of a layer: what was pulled is unpacked from its blob, since other programs write other tars of the same files;
 * what was built here is packed from its snapshot. */
function tarOf({ snapshotter, tables, content }: EngineParts, layer: SourceLayer, { signal }: CallOptions): ByteStream {
  const call = signal === undefined ? {} : { signal }
  if (layer.maxMtime !== undefined) return snapshotter.pack(layer.snapshot, { ...call, maxMtime: layer.maxMtime })
  const blob = tables.blobs(layer.diffId).find(({ digest }) => content.hasBlob(digest))
  const compression = blob === undefined ? undefined : layerCompression(blob.mediaType)
  if (blob === undefined || compression === undefined) return snapshotter.pack(layer.snapshot, call)
  return decompress(content.read(blob, call), compression)
}

/** Checks a layer's tar against its diffID while it is read: what was named must be what leaves. */
async function* checked(tar: ByteStream, layer: SourceLayer, offset: number): ByteStream {
  const hash = createHash('sha256')
  let position = 0
  for await (const chunk of tar) {
    hash.update(chunk)
    const from = Math.max(0, offset - position)
    position += chunk.length
    if (from < chunk.length) yield from === 0 ? chunk : chunk.subarray(from)
  }
  const digest = digestFromHex(hash.digest('hex'))
  if (digest !== layer.diffId) {
    throw new CoreError(
      'IMAGE_INVALID',
      `Cannot read layer "${layer.diffId}": its snapshot has changed, it is ${digest} now`,
      {
        hint: 'Build the image again with --no-cache',
      },
    )
  }
}
