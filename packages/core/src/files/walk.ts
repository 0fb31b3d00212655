import { type BinaryPath, joinPath } from './binary-path.js'
import { isDirectory } from './file-types.js'
import type { Filters } from './filters.js'
import type { FileStat, SourceTree } from './source-tree.js'

/** A path that is copied. */
export interface WalkedPath {
  /** In the tree. */
  readonly path: BinaryPath
  /** Below what is copied; '' for that itself. */
  readonly relative: BinaryPath
  readonly stat: FileStat
}

/** A copy, step by step: a directory comes before what is in it and is left after it, names in the order of their bytes. */
export type WalkStep =
  | (WalkedPath & {
      readonly kind: 'directory'
      /** Not chosen itself, but something in it is. */
      readonly implied: boolean
    })
  | (WalkedPath & { readonly kind: 'leave'; readonly implied: boolean })
  | (WalkedPath & { readonly kind: 'file' })

interface OpenDirectory extends WalkedPath {
  readonly implied: boolean
  readonly names: readonly BinaryPath[]
  next: number
  started: boolean
}

/** Walks what one source of a COPY selects. */
export function* walk(tree: SourceTree, start: WalkedPath, filters: Filters | undefined): Generator<WalkStep, void> {
  if (!isDirectory(start.stat.mode)) {
    yield { kind: 'file', ...start }
    return
  }
  const open = [openDirectory(tree, start, false)]
  yield* startDirectories(open)
  for (let directory = open.at(-1); directory !== undefined; directory = open.at(-1)) {
    const name = directory.names[directory.next++]
    if (name === undefined) {
      open.pop()
      if (directory.started) yield leave(directory)
      continue
    }
    const relative = joinPath(directory.relative, name)
    const included = filters === undefined || (!filters.excludes(relative) && filters.includes(relative))
    // Nothing of a path that is left out is looked at, not even its stat.
    if (!included && !filters.mayIncludeBelow(relative)) continue
    const path = joinPath(directory.path, name)
    const stat = tree.lstat(path)
    if (stat === undefined) continue
    if (isDirectory(stat.mode)) {
      open.push(openDirectory(tree, { path, relative, stat }, !included))
      if (included) yield* startDirectories(open)
    } else if (included) {
      if (!directory.started) yield* startDirectories(open)
      yield { kind: 'file', path, relative, stat }
    }
  }
}

function openDirectory(tree: SourceTree, walked: WalkedPath, implied: boolean): OpenDirectory {
  return { ...walked, implied, names: tree.names(walked.path), next: 0, started: false }
}

function* startDirectories(open: readonly OpenDirectory[]): Generator<WalkStep, void> {
  for (const directory of open) {
    if (directory.started) continue
    directory.started = true
    const { path, relative, stat, implied } = directory
    yield { kind: 'directory', path, relative, stat, implied }
  }
}

function leave({ path, relative, stat, implied }: OpenDirectory): WalkStep {
  return { kind: 'leave', path, relative, stat, implied }
}
