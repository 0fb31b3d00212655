import { createHash, hash as hashOnce } from 'node:crypto'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import type { BinaryPath } from './binary-path.js'
import { changed, isGone, type SourceTree, unreadable } from './source-tree.js'

export const chunkBytes = 1 << 20
const scratch = Buffer.allocUnsafeSlow(chunkBytes)
export const noContent = new Uint8Array(32)

/** Opens a file of a tree for reading; the descriptor stays good in another root.
 * @throws {CoreError} `CONTEXT_CHANGED`, `CONTEXT_UNREADABLE` */
export function openFile(tree: SourceTree, path: BinaryPath): number {
  try {
    // NONBLOCK: something may have put a fifo in its place.
    return openSync(tree.at(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : ''
    throw isGone(error) || code === 'ELOOP' || code === 'ENXIO' ? changed(path, error) : unreadable(path, error)
  }
}

/** SHA-256 of a file's bytes. */
export function hashFile(
  tree: SourceTree,
  path: BinaryPath,
  checkAbort: () => void,
): { digest: Uint8Array; bytes: number } {
  const fd = openFile(tree, path)
  try {
    const first = read(fd, path, scratch)
    if (first < scratch.length && read(fd, path, scratch, first) === 0)
      return { digest: sha256(scratch.subarray(0, first)), bytes: first }
    return hashRest(fd, path, checkAbort)
  } finally {
    closeSync(fd)
  }
}

function hashRest(fd: number, path: BinaryPath, checkAbort: () => void): { digest: Uint8Array; bytes: number } {
  const hash = createHash('sha256')
  let bytes = 0
  for (;;) {
    const count = read(fd, path, scratch, 0, bytes)
    if (count === 0) return { digest: hash.digest(), bytes }
    hash.update(scratch.subarray(0, count))
    bytes += count
    checkAbort()
  }
}

/** @param position where in the file; absent: where the last read ended */
export function read(fd: number, path: BinaryPath, into: Buffer, offset = 0, position: number | null = null): number {
  try {
    return readSync(fd, into, offset, into.length - offset, position)
  } catch (error) {
    throw unreadable(path, error)
  }
}

export function sha256(data: Uint8Array): Uint8Array {
  return hashOnce('sha256', data, 'buffer')
}
