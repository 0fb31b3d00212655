import type { CompressionOptions } from '@tsbuild/exporter'
import type { LayerCompression } from '../api.js'

/** What outputs and caches ask of the exporter. */
export function compressionOf({
  compression,
  compressionLevel,
  forceCompression,
}: LayerCompression): CompressionOptions {
  return {
    compression: compression === 'uncompressed' ? 'none' : (compression ?? 'gzip'),
    ...(compressionLevel === undefined ? {} : { level: compressionLevel }),
    ...(forceCompression === undefined ? {} : { force: forceCompression }),
  }
}
