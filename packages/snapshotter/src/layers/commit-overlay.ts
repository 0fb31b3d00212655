import { rmdirSync, unlinkSync } from 'node:fs'
import { openHost } from '@tsbuild/host'
import type { SnapshotUsage } from '@tsbuild/spec'
import { type BinaryPath, fsPath, joinPath } from '../binary-path.js'
import { readNames } from '../files/names.js'
import { sameAttributes, sameEntry } from '../files/same.js'
import { type FileStat, statFile } from '../files/stat.js'
import { dropOverlayXattrs, isOpaque, makeWhiteout } from '../files/xattrs.js'
import type { MergedDirectory, MergedEntry } from './merged.js'
import { type CheckAbort, UsageCounter } from './usage.js'

interface DirectoryState {
  readonly path: BinaryPath
  readonly stat: FileStat
  readonly lower: MergedDirectory | undefined
}

/** Turns the upper directory of an overlay, in place, into the canonical diff against the chain below: what was only copied up
 * goes, opaque directories become whiteouts, whiteouts of nothing go, sockets go, overlayfs's own attributes go. Whoever mounts it
 * on that chain sees what it showed before, at any moment of the work, so it can be stopped and done again. */
export function normaliseUpper(
  upper: BinaryPath,
  lower: MergedDirectory | undefined,
  check: CheckAbort,
): SnapshotUsage {
  const counter = new UsageCounter()
  const root = statFile(upper)
  if (root !== undefined) normaliseDirectory({ path: upper, stat: root, lower })
  dropOverlayXattrs(upper)
  return counter.usage

  /** Whether anything is left in it. */
  function normaliseDirectory(directory: DirectoryState): boolean {
    let removed = false
    let kept = 0
    for (const name of readNames(directory.path)) {
      check()
      if (normaliseEntry(directory, name)) kept++
      else removed = true
    }
    if (removed) restoreTimes(directory)
    return kept > 0
  }

  /** Whether it stays. */
  function normaliseEntry(directory: DirectoryState, name: BinaryPath): boolean {
    const path = joinPath(directory.path, name)
    const stat = statFile(path)
    if (stat === undefined) return false
    const below = directory.lower?.lookup(name)
    if (stat.type === 'directory') return normaliseSubdirectory(path, stat, below)
    if (stat.type === 'socket') return replaceSocket(path, stat, below)
    const change =
      stat.type === 'whiteout' ? below !== undefined : below === undefined || !sameEntry({ path, stat }, below)
    if (!change) {
      unlinkSync(fsPath(path))
      return false
    }
    // what has nothing below it was not copied up, so it has no such attributes, and is not asked
    if (below !== undefined && stat.type !== 'whiteout') dropOverlayXattrs(path)
    counter.add(stat)
    return true
  }

  function normaliseSubdirectory(path: BinaryPath, stat: FileStat, below: MergedEntry | undefined): boolean {
    if (below?.directory !== undefined && isOpaque(path)) makeExplicit({ path, stat, lower: below.directory }, check)
    const filled = normaliseDirectory({ path, stat, lower: below?.directory })
    dropOverlayXattrs(path)
    if (!filled && below !== undefined && sameAttributes({ path, stat }, below)) {
      rmdirSync(fsPath(path))
      return false
    }
    counter.add(stat)
    return true
  }

  function replaceSocket(path: BinaryPath, stat: FileStat, below: MergedEntry | undefined): boolean {
    unlinkSync(fsPath(path))
    if (below === undefined) return false
    makeWhiteout(path)
    counter.add(stat)
    return true
  }
}

/** Gives an opaque directory whiteouts for all that it hides, also further down, and only then makes it an ordinary one. */
function makeExplicit(directory: DirectoryState, check: CheckAbort): void {
  for (const [name, below] of directory.lower?.entries() ?? []) {
    check()
    const path = joinPath(directory.path, name)
    const stat = statFile(path)
    if (stat === undefined) makeWhiteout(path)
    else if (stat.type === 'directory') makeExplicit({ path, stat, lower: below.directory }, check)
  }
  restoreTimes(directory)
  dropOverlayXattrs(directory.path)
}

function restoreTimes({ path, stat }: DirectoryState): void {
  openHost().utimens(fsPath(path), stat.mtimeNs, stat.mtimeNs)
}
