import { linkSync } from 'node:fs'
import { hasErrno } from '@tsbuild/host'
import { type BinaryPath, fsPath, joinPath } from '../binary-path.js'
import { copyEntry, finishDirectory } from '../files/create.js'
import { readNames } from '../files/names.js'
import { type FileStat, statFile } from '../files/stat.js'
import { isOpaque, makeWhiteout, markOpaque } from '../files/xattrs.js'
import type { IsMountPoint } from './mount-points.js'
import type { CheckAbort } from './usage.js'

/** Copies the upper directory of an overlay that may be mounted and in use, with its whiteouts and opaque marks; blocks are shared where
 * the file system can. Hard links stay hard links. What goes away meanwhile is left out, and so are mount points. */
export function copyUpper(
  upper: BinaryPath,
  target: BinaryPath,
  { isMountPoint, check }: { readonly isMountPoint: IsMountPoint; readonly check: CheckAbort },
): void {
  const firstNames = new Map<bigint, BinaryPath>()
  const root = statFile(upper)
  copyDirectory(upper, '', target)
  if (root !== undefined) finishDirectory(upper, root, target)

  function copyDirectory(path: BinaryPath, relative: BinaryPath, to: BinaryPath): void {
    for (const name of readNames(path)) {
      check()
      unlessGone(() => copyOne(joinPath(path, name), joinPath(relative, name), joinPath(to, name)))
    }
  }

  function copyOne(path: BinaryPath, relative: BinaryPath, to: BinaryPath): void {
    const stat = statFile(path)
    if (stat === undefined || isMountPoint(path, relative, stat)) return
    // A socket is no part of a layer, but it hides what is below.
    if (stat.type === 'whiteout' || stat.type === 'socket') {
      makeWhiteout(to)
      return
    }
    if (linkToFirst(stat, to)) return
    copyEntry(path, stat, to)
    if (stat.type !== 'directory') return
    if (isOpaque(path)) markOpaque(to)
    copyDirectory(path, relative, to)
    finishDirectory(path, stat, to)
  }

  function linkToFirst(stat: FileStat, to: BinaryPath): boolean {
    if (stat.links < 2 || stat.type === 'directory') return false
    const first = firstNames.get(stat.inode)
    if (first === undefined) firstNames.set(stat.inode, to)
    else linkSync(fsPath(first), fsPath(to))
    return first !== undefined
  }
}

function unlessGone(action: () => void): void {
  try {
    action()
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw error
  }
}
