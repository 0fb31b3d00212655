import { closeSync, constants, openSync, readSync } from 'node:fs'
import { type BinaryPath, fsPath } from '../binary-path.js'
import { readTarget } from './names.js'
import { pinFile } from './pinned.js'
import type { FileStat } from './stat.js'
import { sameXattrs } from './xattrs.js'

export interface StatedPath {
  readonly path: BinaryPath
  readonly stat: FileStat
}

/** Whether two entries are equal in all that a layer keeps but content: type, mode, owner, size, mtime, device, link target, xattrs.
 * A directory's mtime does not count, as in BuildKit: it says only that something in it came or went, which the layer has anyway. */
export function sameAttributes(a: StatedPath, b: StatedPath): boolean {
  return sameStat(a.stat, b.stat) && sameTarget(a, b) && sameXattrs(a.path, b.path)
}

/** Whether two entries are equal in all that a layer keeps. Directories count without what is in them. */
export function sameEntry(a: StatedPath, b: StatedPath): boolean {
  return sameAttributes(a, b) && (a.stat.type !== 'file' || sameContent(a, b))
}

function sameStat(a: FileStat, b: FileStat): boolean {
  return (
    a.type === b.type &&
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.gid === b.gid &&
    (a.type === 'directory' || a.mtimeNs === b.mtimeNs) &&
    (a.type !== 'file' || a.size === b.size) &&
    a.deviceMajor === b.deviceMajor &&
    a.deviceMinor === b.deviceMinor
  )
}

function sameTarget(a: StatedPath, b: StatedPath): boolean {
  return a.stat.type !== 'symlink' || readTarget(a.path) === readTarget(b.path)
}

const bufferBytes = 256 * 1024
let buffers: readonly [Buffer, Buffer] | undefined

function sameContent(a: StatedPath, b: StatedPath): boolean {
  buffers ??= [Buffer.allocUnsafe(bufferBytes), Buffer.allocUnsafe(bufferBytes)]
  const [left, right] = buffers
  using first = openStated(a)
  using second = openStated(b)
  for (;;) {
    const count = readFully(first.fd, left)
    if (count !== readFully(second.fd, right)) return false
    if (!left.subarray(0, count).equals(right.subarray(0, count))) return false
    if (count < bufferBytes) return true
  }
}

function readFully(fd: number, buffer: Buffer): number {
  let filled = 0
  while (filled < buffer.length) {
    const count = readSync(fd, buffer, filled, buffer.length - filled, null)
    if (count === 0) break
    filled += count
  }
  return filled
}

function openStated({ path, stat }: StatedPath): Disposable & { readonly fd: number } {
  using file = pinFile(path, stat)
  const fd = openSync(file.path, constants.O_RDONLY)
  return { fd, [Symbol.dispose]: () => closeSync(fd) }
}

/** A regular file's descriptor; never blocks and never follows a link, should something else stand there by now. */
export function openForReading(path: BinaryPath): Disposable & { readonly fd: number } {
  const fd = openSync(fsPath(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  return { fd, [Symbol.dispose]: () => closeSync(fd) }
}
