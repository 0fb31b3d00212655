import { createHash, hash } from 'node:crypto'
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import type { BinaryPath } from '../../files/binary-path.js'
import { isRegular, modeMask } from '../../files/file-types.js'
import { isGone } from '../../files/source-tree.js'
import { at } from '../../files/target-tree.js'
import { readXattrs, type Xattrs } from '../../files/xattrs.js'
import type { BinaryDigest } from './tree.js'
import { type FoundFile, foundStats } from './walk-folder.js'
import { isKeptXattr } from './xattrs.js'

export const chunkBytes = 1 << 20
const maxAttempts = 3
/** Not in Node's constants on every platform. */
const O_NOATIME = 0o1000000

/** A file as it was read, without a change meanwhile. */
export interface ReadFile extends FoundFile {
  /** `undefined` for an empty file. */
  readonly digest: BinaryDigest | undefined
  readonly xattrs: Xattrs
}

const scratch = Buffer.allocUnsafeSlow(chunkBytes)

/** Hashes a file of this thread's root.
 * @returns `'gone'` where there is no such file any more, `'changed'` for one that keeps changing */
export function readFile(found: FoundFile, throwIfAborted: () => void): ReadFile | 'gone' | 'changed' {
  const { path } = found
  return opened(path, (fd) => {
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      const before = fstatSync(fd, { bigint: true })
      if (!isRegular(Number(before.mode))) return 'changed'
      const { digest, bytes } = hashOf(fd, throwIfAborted)
      const xattrs = keptXattrs(path)
      if (!isSame(before, fstatSync(fd, { bigint: true })) || BigInt(bytes) !== before.size) continue
      const mode = Number(before.mode) & modeMask
      return { kind: 'file', path, mode, stats: foundStats(before), digest: bytes === 0 ? undefined : digest, xattrs }
    }
    return 'changed'
  })
}

/** Hands out a file's bytes, at least once; in one piece where that is whole and of this digest.
 * @returns whether they had this digest */
export function readContent(
  path: BinaryPath,
  { digest, size }: { readonly digest: BinaryDigest; readonly size: number },
  write: (bytes: Uint8Array) => void,
): boolean {
  const result = opened(path, (fd) => {
    if (size > scratch.length) return copyHashed(fd, size, write) === digest
    const bytes = scratch.subarray(0, readFully(fd, size, 0))
    if (bytes.length !== size || hash('sha256', bytes, 'binary') !== digest) return false
    write(bytes)
    return true
  })
  return result === true
}

/** Attributes of a path that travel. */
export function keptXattrs(path: BinaryPath): Xattrs {
  return readXattrs(at(path)).filter(([name]) => isKeptXattr(name))
}

function opened<T>(path: BinaryPath, read: (fd: number) => T): T | 'gone' | 'changed' {
  let fd: number | undefined
  try {
    fd = openFile(path)
    return read(fd)
  } catch (error) {
    if (isGone(error) || isGoneToHost(error)) return 'gone'
    const { code } = error as NodeJS.ErrnoException
    // A link or a fifo by now.
    if (code === 'ELOOP' || code === 'ENXIO') return 'changed'
    throw error
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

function openFile(path: BinaryPath): number {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  try {
    // What is used least is told by the time of access.
    return openSync(at(path), flags | O_NOATIME)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error
    return openSync(at(path), flags)
  }
}

function isGoneToHost(error: unknown): boolean {
  return error instanceof Error && 'errno' in error && error.errno === 'ENOENT'
}

function hashOf(fd: number, throwIfAborted: () => void): { readonly digest: BinaryDigest; readonly bytes: number } {
  const first = readFully(fd, scratch.length, 0)
  if (first < scratch.length) return { digest: hash('sha256', scratch.subarray(0, first), 'binary'), bytes: first }
  const whole = createHash('sha256').update(scratch)
  let bytes = first
  for (;;) {
    throwIfAborted()
    const count = readFully(fd, scratch.length, bytes)
    if (count === 0) return { digest: whole.digest('binary'), bytes }
    whole.update(scratch.subarray(0, count))
    bytes += count
  }
}

function copyHashed(fd: number, size: number, write: (bytes: Uint8Array) => void): BinaryDigest {
  const whole = createHash('sha256')
  for (let bytes = 0; bytes < size; ) {
    const count = readFully(fd, Math.min(scratch.length, size - bytes), bytes)
    if (count === 0) break
    whole.update(scratch.subarray(0, count))
    write(scratch.subarray(0, count))
    bytes += count
  }
  return whole.digest('binary')
}

/** Reads into the scratch buffer; less than asked for only at the end. */
function readFully(fd: number, length: number, position: number): number {
  let read = 0
  while (read < length) {
    const count = readSync(fd, scratch, read, length - read, position + read)
    if (count === 0) break
    read += count
  }
  return read
}

function isSame(a: BigIntStats, b: BigIntStats): boolean {
  return a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs
}
