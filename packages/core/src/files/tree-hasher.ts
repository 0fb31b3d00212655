import { createHash } from 'node:crypto'
import { type Digest, digestFromHex } from '@tsbuild/spec'
import type { BinaryPath } from './binary-path.js'
import { type FileType, modeMask } from './file-types.js'
import { digestBytes, type KnownContent } from './memo-row.js'

/** One path that is copied, as the cache key has it besides its content. */
export interface HashedPath {
  readonly type: FileType
  readonly relative: BinaryPath
  readonly mode: number
  readonly size: number
  /** Device number of a device node. */
  readonly device: number
  /** Earlier path of the same file, where it is a hard link within the copy. */
  readonly linkTo: BinaryPath | undefined
  /** {@link noOwner} where owners are not copied. */
  readonly uid: number
  readonly gid: number
}

/** No id of anybody. */
export const noOwner = 2 ** 32 - 1

const letters: Readonly<Record<FileType, number>> = {
  directory: 0x64,
  file: 0x66,
  symlink: 0x6c,
  'character-device': 0x63,
  'block-device': 0x62,
  fifo: 0x71,
}
const bufferBytes = 64 << 10
/** Numbers and digests of one record, at most. */
const fixedBytes = 128

/** Digests what a source of COPY selects: SHA-256 over length-prefixed records, in the order of the walk. */
export class TreeHasher {
  files = 0
  bytes = 0
  private readonly hash = createHash('sha256').update('tsbuild files 1\0')
  private readonly buffer = Buffer.allocUnsafe(bufferBytes)
  private used = 0

  /** Begins what one named path selects.
   * @param name that it gets in a directory; '' where only what is in it is copied */
  match(name: BinaryPath): void {
    this.reserve(name.length)
    this.buffer[this.used] = 0x6d
    this.used = this.buffer.writeUInt32LE(name.length, this.used + 1)
    this.used += this.buffer.write(name, this.used, 'latin1')
  }

  path(path: HashedPath, { contentIn, contentAt, xattrs }: KnownContent): void {
    const { type, relative, linkTo = '' } = path
    this.reserve(relative.length + linkTo.length)
    const { buffer } = this
    let at = this.used
    buffer[at] = 0x70
    buffer[at + 1] = letters[type]
    at = buffer.writeUInt32LE(path.mode & modeMask, at + 2)
    at = buffer.writeDoubleLE(path.size, at)
    at = buffer.writeDoubleLE(path.device, at)
    at = buffer.writeUInt32LE(path.uid, at)
    at = buffer.writeUInt32LE(path.gid, at)
    at = buffer.writeUInt32LE(relative.length, at)
    at = buffer.writeUInt32LE(linkTo.length, at)
    buffer[at] = xattrs === undefined ? 0 : 1
    copyDigest(contentIn, contentAt, buffer, at + 1)
    at += 1 + digestBytes
    if (xattrs !== undefined) {
      buffer.set(xattrs, at)
      at += digestBytes
    }
    at += buffer.write(relative, at, 'latin1')
    if (linkTo !== '') at += buffer.write(linkTo, at, 'latin1')
    this.used = at
    if (path.type !== 'directory') this.files++
    if (path.type === 'file' && path.linkTo === undefined) this.bytes += path.size
  }

  end(): Digest {
    this.flush()
    return digestFromHex(this.hash.digest('hex'))
  }

  private reserve(length: number): void {
    if (this.used + length + fixedBytes > this.buffer.length) this.flush()
  }

  private flush(): void {
    this.hash.update(this.buffer.subarray(0, this.used))
    this.used = 0
  }
}

function copyDigest(from: Uint8Array, start: number, to: Buffer, at: number): void {
  if (Buffer.isBuffer(from)) from.copy(to, at, start, start + digestBytes)
  else to.set(from.subarray(start, start + digestBytes), at)
}
