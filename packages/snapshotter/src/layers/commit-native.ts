import { linkSync, mkdirSync } from 'node:fs'
import type { SnapshotUsage } from '@tsbuild/spec'
import { type BinaryPath, fsPath, joinPath } from '../binary-path.js'
import { copyEntry, finishDirectory } from '../files/create.js'
import { type Pinned, pinDirectory, readPinnedNames, untilSteady } from '../files/pinned.js'
import { sameAttributes, sameEntry } from '../files/same.js'
import { type FileStat, statFile } from '../files/stat.js'
import type { Baseline } from './baseline.js'
import type { MergedDirectory, MergedEntry } from './merged.js'
import type { IsMountPoint } from './mount-points.js'
import { type CheckAbort, UsageCounter } from './usage.js'

/** A directory of the changed tree, and where its changes go; made there when the first change needs it. */
interface Directory {
  readonly pinned: Pinned
  readonly relative: BinaryPath
  readonly lower: MergedDirectory | undefined
  /** Whether it is the very directory that was copied, so that ctimes tell what happened to its entries. */
  readonly original: boolean
  readonly make: () => void
}

export interface NativeDiff {
  readonly usage: SnapshotUsage
  readonly hidden: ReadonlySet<BinaryPath>
}

/** Brings an entry that is no directory into a layer. */
export type TakeFile = (path: BinaryPath, stat: FileStat, to: BinaryPath) => void

/** For a tree that goes afterwards. */
export const linkFile: TakeFile = (path, _stat, to) => linkSync(fsPath(path), fsPath(to))

/** For a tree that is in use; hard links stay hard links. */
export function copyFiles(): TakeFile {
  const firstNames = new Map<bigint, BinaryPath>()
  return (path, stat, to) => {
    const first = stat.links > 1 ? firstNames.get(stat.inode) : undefined
    if (first !== undefined) {
      linkSync(fsPath(first), fsPath(to))
      return
    }
    copyEntry(path, stat, to)
    firstNames.set(stat.inode, to)
  }
}

export interface DiffOptions {
  readonly baseline: Baseline
  readonly take: TakeFile
  /** Whether entries may come, go and be replaced meanwhile. */
  readonly inUse: boolean
  readonly isMountPoint: IsMountPoint
  readonly check: CheckAbort
}

/** Finds what is different in `tree`, a copy of `lower` that was worked on, and puts that into the empty directory `target`. The tree
 * itself is not changed. */
export function diffTree(
  tree: BinaryPath,
  lower: MergedDirectory | undefined,
  target: BinaryPath,
  { baseline, take, inUse, isMountPoint, check }: DiffOptions,
): NativeDiff {
  const counter = new UsageCounter()
  const hidden = new Set<BinaryPath>()
  using pinned = pinDirectory(tree)
  diffDirectory({ pinned, relative: '', lower, original: true, make() {} })
  return { usage: counter.usage, hidden }

  function diffDirectory(directory: Directory): void {
    const below = new Map(directory.lower?.entries() ?? [])
    const names = new Set([...readPinnedNames(directory.pinned), ...below.keys()])
    for (const name of [...names].sort()) {
      check()
      const diffOne = () => diffEntry(directory, name, below.get(name))
      if (inUse) untilSteady(diffOne)
      else diffOne()
    }
  }

  function diffEntry(directory: Directory, name: BinaryPath, below: MergedEntry | undefined): void {
    const path = joinPath(directory.pinned.path, name)
    const relative = joinPath(directory.relative, name)
    const stat = statFile(path)
    if (stat !== undefined && below === undefined && isMountPoint(path, relative, stat)) return
    if (stat === undefined || stat.type === 'socket' || stat.type === 'whiteout') {
      if (below === undefined) return
      directory.make()
      hidden.add(relative)
      counter.addMark()
    } else if (stat.type === 'directory') {
      diffSubdirectory(directory, { path, relative }, below)
    } else if (!isUnchanged(directory, { path, stat }, below)) {
      directory.make()
      take(path, stat, joinPath(target, relative))
      counter.add(stat)
    }
  }

  function diffSubdirectory(
    parent: Directory,
    { path, relative }: { readonly path: BinaryPath; readonly relative: BinaryPath },
    below: MergedEntry | undefined,
  ): void {
    using pinned = pinDirectory(path)
    const copy = joinPath(target, relative)
    let made = false
    const make = () => {
      if (made) return
      parent.make()
      mkdirSync(fsPath(copy), 0o700)
      made = true
      counter.add(pinned.stat)
    }
    if (below === undefined || !sameAttributes(pinned, below)) make()
    const original = parent.original && below !== undefined && baseline.sameDirectory(below.stat, pinned.stat)
    diffDirectory({ pinned, relative, lower: below?.directory, original, make })
    if (made) finishDirectory(pinned.path, pinned.stat, copy)
  }

  function isUnchanged(
    directory: Directory,
    self: { readonly path: BinaryPath; readonly stat: FileStat },
    below: MergedEntry | undefined,
  ): boolean {
    if (below === undefined) return false
    // sameDirectory() vouches for the directory alone, so what was moved along with a parent is still where it was copied to
    if (directory.original && baseline.isUntouched(self.stat)) return true
    return sameEntry(self, below)
  }
}
