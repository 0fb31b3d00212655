import type { ByteStream, Compression, Descriptor } from '@tsbuild/spec'
import { mediaTypes } from '@tsbuild/spec'
import { compress } from '../compression/compress.js'
import type { ExportLayer } from '../image/types.js'
import { throttledBlobProgress } from './progress.js'
import type { LayerSource, OutputOptions } from './types.js'

const layerTypes: Readonly<Record<Compression, string>> = {
  none: mediaTypes.ociLayer,
  gzip: mediaTypes.ociLayerGzip,
  zstd: mediaTypes.ociLayerZstd,
}

/** The blob in which a layer leaves: the one in which it came, the layer itself, a known compressed form, or one that is made (and
 * kept) now. */
export async function layerBlob(layer: ExportLayer, source: LayerSource, options: OutputOptions): Promise<Descriptor> {
  const { compression = 'gzip', level, force = false, signal } = options
  const came = force ? undefined : source.findOriginal?.(layer.diffId)
  if (came !== undefined) return { mediaType: layerTypes[came.compression], digest: came.digest, size: came.size }
  const plain: Descriptor = { mediaType: mediaTypes.ociLayer, digest: layer.diffId, size: layer.size }
  if (compression === 'none') return plain
  const known = level === undefined ? source.findCompressed?.(layer.diffId, compression) : undefined
  if (known !== undefined) return { mediaType: layerTypes[compression], digest: known.digest, size: known.size }
  const call = signal === undefined ? {} : { signal }
  const tar = counted(source.read(plain, call), layer, options)
  const blob = await source.ingestCompressed(
    compress(tar, { compression, ...(level === undefined ? {} : { level }) }),
    call,
  )
  const descriptor: Descriptor = { mediaType: layerTypes[compression], ...blob }
  // One of a special level is for this output; others expect the usual size.
  if (level === undefined) await source.rememberCompressed?.(layer.diffId, descriptor)
  return descriptor
}

async function* counted(stream: ByteStream, { diffId, size }: ExportLayer, { onProgress }: OutputOptions): ByteStream {
  const report = throttledBlobProgress(onProgress, diffId, size)
  let bytes = 0
  for await (const chunk of stream) {
    yield chunk
    bytes += chunk.length
    report(bytes)
  }
}
