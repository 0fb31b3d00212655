import { linkSync } from 'node:fs'
import type { SnapshotUsage } from '@tsbuild/spec'
import { type BinaryPath, fsPath, joinPath } from '../binary-path.js'
import { copyEntry, finishDirectory } from '../files/create.js'
import { removeTree } from '../files/remove.js'
import { type FileStat, statFile } from '../files/stat.js'
import type { MergedDirectory, MergedEntry } from './merged.js'
import { type CheckAbort, UsageCounter } from './usage.js'

export interface CopyOptions {
  readonly check: CheckAbort
  /** Told of each directory that is there now. */
  readonly onDirectory?: (source: FileStat, copy: FileStat) => void
}

/** Copies what a chain shows into an existing directory; hard links stay hard links, and whatever is in the way of an entry goes,
 * except that directories are merged. */
export function copyMerged(
  chain: MergedDirectory | undefined,
  target: BinaryPath,
  options: CopyOptions,
): SnapshotUsage {
  const counter = new UsageCounter()
  const firstNames = new Map<bigint, BinaryPath>()
  if (chain !== undefined) copyDirectory(chain, target)
  return counter.usage

  function copyDirectory(directory: MergedDirectory, to: BinaryPath): void {
    for (const [name, entry] of directory.entries()) {
      options.check()
      copyOne(entry, joinPath(to, name))
    }
  }

  function copyOne(entry: MergedEntry, to: BinaryPath): void {
    const { path, stat, directory } = entry
    if (stat.type === 'socket') return
    const before = statFile(to)
    const merge = directory !== undefined && before?.type === 'directory'
    if (before !== undefined && !merge) removeTree(to)
    counter.add(stat)
    if (linkToFirst(stat, to)) return
    if (!merge) copyEntry(path, stat, to)
    if (directory === undefined) return
    copyDirectory(directory, to)
    finishDirectory(path, stat, to)
    const copy = options.onDirectory && statFile(to)
    if (copy) options.onDirectory?.(stat, copy)
  }

  function linkToFirst(stat: FileStat, to: BinaryPath): boolean {
    if (stat.links < 2 || stat.type === 'directory') return false
    const first = firstNames.get(stat.inode)
    if (first === undefined) firstNames.set(stat.inode, to)
    else linkSync(fsPath(first), fsPath(to))
    return first !== undefined
  }
}
