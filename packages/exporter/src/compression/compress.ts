import type { ByteStream, Compression } from '@tsbuild/spec'
import { zstd } from '../zstd.js'
import { gzip } from './gzip.js'

export interface CompressOptions {
  readonly compression: Compression
  /** gzip 0–9 (default 6), zstd 0–22 (default 3, which 0 means, too). @throws {RangeError} for others */
  readonly level?: number
}

/** Compresses a stream off the main thread. The bytes depend on the input, the level and the version of the compressor only,
 * not on the number of processors or how the input is cut into chunks. Holds a few blocks (gzip 256 KiB, zstd 4 MiB) in memory. */
export function compress(stream: ByteStream, { compression, level }: CompressOptions): ByteStream {
  switch (compression) {
    case 'none':
      return stream
    case 'gzip':
      return gzip(stream, checked(level ?? 6, 9))
    case 'zstd':
      return zstd(stream, checked(level ?? 3, 22))
  }
}

function checked(level: number, highest: number): number {
  if (Number.isInteger(level) && level >= 0 && level <= highest) return level
  throw new RangeError(`Cannot compress with level "${level}": levels are 0 to ${highest}`)
}
