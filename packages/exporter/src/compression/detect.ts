import type { Compression } from '@tsbuild/spec'

/** Compressions that can be told by their first bytes; only those of layers can be read here. */
export type StreamCompression = Compression | 'bzip2' | 'xz'

const magics: readonly (readonly [StreamCompression, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b, 0x08]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
]

/** Tells how a file is compressed by its first bytes (six are enough). */
export function detectCompression(start: Uint8Array): StreamCompression {
  for (const [compression, magic] of magics) {
    if (magic.every((byte, index) => start[index] === byte)) return compression
  }
  // A zstd stream may begin with a skippable frame (RFC 8878, 3.1.2), as those of stargz and pzstd do.
  const [first = 0, ...rest] = start.subarray(0, 4)
  return first >> 4 === 5 && rest.join() === '42,77,24' ? 'zstd' : 'none'
}
