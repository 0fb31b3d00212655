import { linkSync } from 'node:fs'
import { type BinaryPath, fsPath, joinPath } from '../binary-path.js'
import { copyEntry, finishDirectory } from '../files/create.js'
import { type Pinned, pinDirectory, readPinnedNames, untilSteady } from '../files/pinned.js'
import { type FileStat, statFile } from '../files/stat.js'
import { isOpaque, makeWhiteout, markOpaque } from '../files/xattrs.js'
import type { IsMountPoint } from './mount-points.js'
import type { CheckAbort } from './usage.js'

/** Copies the upper directory of an overlay that may be mounted and in use, with its whiteouts and opaque marks; blocks are shared where
 * the file system can. Hard links stay hard links. What goes away meanwhile is left out, and so are mount points. No link is
 * followed, whatever is put in whose place meanwhile. */
export function copyUpper(
  upper: BinaryPath,
  target: BinaryPath,
  { isMountPoint, check }: { readonly isMountPoint: IsMountPoint; readonly check: CheckAbort },
): void {
  const firstNames = new Map<bigint, BinaryPath>()
  using root = pinDirectory(upper)
  copyDirectory(root, '', target)

  function copyDirectory(from: Pinned, relative: BinaryPath, to: BinaryPath): void {
    for (const name of readPinnedNames(from)) {
      check()
      untilSteady(() => copyOne(joinPath(from.path, name), joinPath(relative, name), joinPath(to, name)))
    }
    finishDirectory(from.path, from.stat, to)
  }

  function copyOne(path: BinaryPath, relative: BinaryPath, to: BinaryPath): void {
    const stat = statFile(path)
    if (stat === undefined || isMountPoint(path, relative, stat)) return
    // A socket is no part of a layer, but it hides what is below.
    if (stat.type === 'whiteout' || stat.type === 'socket') makeWhiteout(to)
    else if (stat.type === 'directory') copySubdirectory(path, relative, to)
    else copyFile(path, stat, to)
  }

  function copySubdirectory(path: BinaryPath, relative: BinaryPath, to: BinaryPath): void {
    using from = pinDirectory(path)
    copyEntry(from.path, from.stat, to)
    if (isOpaque(from.path)) markOpaque(to)
    copyDirectory(from, relative, to)
  }

  function copyFile(path: BinaryPath, stat: FileStat, to: BinaryPath): void {
    const first = stat.links > 1 ? firstNames.get(stat.inode) : undefined
    if (first !== undefined) {
      linkSync(fsPath(first), fsPath(to))
      return
    }
    copyEntry(path, stat, to)
    firstNames.set(stat.inode, to)
  }
}
