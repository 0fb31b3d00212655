import { linkSync } from 'node:fs'
import { openHost } from '@tsbuild/host'
import { type BinaryPath, fsPath, joinPath } from '../binary-path.js'
import { copyEntry, finishDirectory } from '../files/create.js'
import { type Pinned, pinDirectory, readPinnedNames, untilSteady } from '../files/pinned.js'
import { type FileStat, statFile } from '../files/stat.js'
import { isOpaque, makeWhiteout, markOpaque } from '../files/xattrs.js'
import type { IsMountPoint } from './mount-points.js'
import { timeCutter } from './time-cutter.js'
import type { CheckAbort } from './usage.js'

export interface CopyUpperOptions {
  readonly isMountPoint: IsMountPoint
  readonly check: CheckAbort
  /** Times later than this (seconds since the epoch) become this one. */
  readonly maxMtime?: number
}

/** Copies the upper directory of an overlay that may be mounted and in use, with its whiteouts and opaque marks; blocks are shared where
 * the file system can. Hard links stay hard links. What goes away meanwhile is left out, and so are mount points. No link is
 * followed, whatever is put in whose place meanwhile. */
export function copyUpper(
  upper: BinaryPath,
  target: BinaryPath,
  { isMountPoint, check, maxMtime }: CopyUpperOptions,
): void {
  const cut = timeCutter(maxMtime)
  const firstNames = new Map<bigint, BinaryPath>()
  using root = pinDirectory(upper)
  copyDirectory(root, '', target)

  function copyDirectory(from: Pinned, relative: BinaryPath, to: BinaryPath): void {
    for (const name of readPinnedNames(from)) {
      check()
      untilSteady(() => copyOne(joinPath(from.path, name), joinPath(relative, name), joinPath(to, name)))
    }
    finishDirectory(from.path, { ...from.stat, mtimeNs: cut(from.stat.mtimeNs) }, to)
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
    const timeNs = cut(stat.mtimeNs)
    if (timeNs !== stat.mtimeNs) openHost().utimens(fsPath(to), timeNs, timeNs)
    firstNames.set(stat.inode, to)
  }
}
