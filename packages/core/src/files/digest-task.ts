import { enterHostRoot, openMountTree, type WorkerTask } from '@tsbuild/host'
import { createIgnore, type Ignore } from '@tsbuild/parser'
import type { Digest, Mount } from '@tsbuild/spec'
import { type BinaryPath, parentPath, toBinary } from './binary-path.js'
import { isDirectory } from './file-types.js'
import { Lister } from './lister.js'
import { Memo, type MemoChanges, type MemoOptions } from './memo.js'
import type { MemoDirectory } from './memo-directory.js'
import { readKnown, ShapeReader } from './path-facts.js'
import { type Match, type Selection, type SourceWords, select } from './select.js'
import { SourceTree } from './source-tree.js'
import { TreeHasher } from './tree-hasher.js'
import { type WalkedPath, walk } from './walk.js'

/** Where a worker finds a tree. */
export type TreePlace =
  | { readonly kind: 'directory'; readonly directory: string; readonly ignore: readonly string[] }
  | { readonly kind: 'mount'; readonly mount: Mount }

export interface DigestInput {
  readonly tree: TreePlace
  readonly sources: readonly SourceWords[]
  /** Whether owners are copied. */
  readonly owners: boolean
  readonly memo?: MemoOptions
  /** Give the paths, too. */
  readonly list?: boolean
}

export interface SourceDigest {
  readonly digest: Digest
  readonly files: number
  readonly bytes: number
}

export interface DigestOutput {
  readonly sources: readonly (SourceDigest & { readonly listing?: Uint8Array })[]
  readonly changes: MemoChanges
  /** Files whose bytes were read. */
  readonly read: number
}

/** Digests what the sources of a COPY select. A directory of the host is read where it lies, with its links resolved by hand; a chain is
 * mounted and entered, so that the kernel keeps its links inside. */
export function digestTask(input: DigestInput, task: WorkerTask): DigestOutput {
  const memo = input.memo && new Memo(input.memo)
  if (input.tree.kind === 'directory') {
    const tree = new SourceTree(toBinary(input.tree.directory), compileIgnore(input.tree.ignore))
    return digestSources(tree, input, memo, task)
  }
  using mounted = openMountTree(input.tree.mount)
  mounted.enter()
  try {
    return digestSources(new SourceTree(''), input, memo, task)
  } finally {
    enterHostRoot()
  }
}

export function compileIgnore(patterns: readonly string[]): Ignore | undefined {
  return patterns.length === 0 ? undefined : createIgnore(patterns)
}

function digestSources(tree: SourceTree, input: DigestInput, memo: Memo | undefined, task: WorkerTask): DigestOutput {
  const digester = new Digester(tree, input, memo, task)
  const sources = input.sources.map((source) => digester.source(select(tree, source)))
  const isGone = (directory: BinaryPath) => new SourceTree('').lstat(directory.slice(1)) === undefined
  return { sources, changes: memo?.changes(isGone) ?? { changed: [], removed: [] }, read: memo?.misses ?? 0 }
}

class Digester {
  private readonly tree: SourceTree
  private readonly owners: boolean
  private readonly list: boolean
  private readonly memo: Memo | undefined
  private readonly task: WorkerTask
  private sinceCheck = 0

  constructor(tree: SourceTree, { owners, list = false }: DigestInput, memo: Memo | undefined, task: WorkerTask) {
    this.tree = tree
    this.owners = owners
    this.list = list
    this.memo = memo
    this.task = task
  }

  source({ matches, filters }: Selection): DigestOutput['sources'][number] {
    const hasher = new TreeHasher()
    const lister = this.list ? new Lister() : undefined
    for (const match of matches) this.match(hasher, match, filters, lister)
    const listing = lister?.end()
    const digest = hasher.end()
    return { digest, files: hasher.files, bytes: hasher.bytes, ...(listing === undefined ? {} : { listing }) }
  }

  private match(hasher: TreeHasher, match: Match, filters: Selection['filters'], lister: Lister | undefined): void {
    hasher.match(isDirectory(match.stat.mode) ? '' : match.name)
    const shapes = new ShapeReader(this.owners)
    const throwIfAborted = () => this.task.throwIfAborted()
    const memos = [this.memoOf(parentPath(this.tree.absolute(match.path)))]
    for (const step of walk(this.tree, { path: match.path, relative: '', stat: match.stat }, filters)) {
      if (step.kind === 'leave') {
        const memo = memos.pop()
        if (memo !== undefined && filters === undefined) this.forgetGone(memo, step)
        continue
      }
      this.checkAbort()
      const shape = shapes.read(step)
      const known = readKnown(this.tree, step, memos.at(-1), throwIfAborted)
      hasher.path(shape, known)
      lister?.path(step.path, shape, known)
      if (step.kind === 'directory') memos.push(this.memoOf(this.tree.absolute(step.path)))
    }
  }

  private memoOf(directory: BinaryPath): MemoDirectory | undefined {
    return this.memo?.directory(directory)
  }

  /** Only a directory that changed can have lost something. */
  private forgetGone(memo: MemoDirectory, { path }: WalkedPath): void {
    if (memo.mayHaveLost()) memo.keepOnly(this.tree.names(path))
  }

  private checkAbort(): void {
    if (++this.sinceCheck < 100) return
    this.sinceCheck = 0
    this.task.throwIfAborted()
  }
}
