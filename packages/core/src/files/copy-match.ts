import { createHash, type Hash } from 'node:crypto'
import { closeSync } from 'node:fs'
import type { Tree } from '@tsbuild/host'
import { type BinaryPath, joinPath } from './binary-path.js'
import { fileType, isRegular } from './file-types.js'
import { ShapeReader } from './path-facts.js'
import { chunkBytes, noContent, openFile, read, sha256 } from './read-content.js'
import type { SourceTree } from './source-tree.js'
import type { TreeHasher } from './tree-hasher.js'
import { type TreeWriter, writeAll } from './tree-writer.js'
import type { WalkStep } from './walk.js'
import { digestXattrs, readXattrs, type Xattrs } from './xattrs.js'

/** Files up to this size wait in memory while the thread changes from the source to the target. */
const smallBytes = 64 << 10
const batchSteps = 128
const batchBytes = 1 << 20
const batchFiles = 16

export interface CopyMatchOptions {
  readonly source: Tree
  readonly target: Tree
  readonly tree: SourceTree
  readonly writer: TreeWriter
  readonly hasher: TreeHasher
  readonly owners: boolean
  /** Where it goes, links resolved; '' for the target's root. */
  readonly destination: BinaryPath
  readonly throwIfAborted: () => void
  readonly onBytes: (count: number) => void
}

/** A step with what was read for it in the source. */
interface ReadStep {
  readonly step: WalkStep
  readonly xattrs: Xattrs
  readonly content:
    | { readonly kind: 'none' }
    | { readonly kind: 'small'; readonly data: Buffer }
    | { readonly kind: 'big'; readonly fd: number }
    | { readonly kind: 'link'; readonly to: BinaryPath }
}

const none = { kind: 'none' } as const
const pool = Buffer.allocUnsafeSlow(batchBytes + smallBytes + 1)
const bigBuffer = Buffer.allocUnsafeSlow(chunkBytes)

/** Copies what a walk finds, and digests what is written. A thread has one root at a time, so steps are read in the source and
 * written in the target in batches; the contents of big files go through their open descriptors. */
export class MatchCopier {
  private readonly options: CopyMatchOptions
  private readonly shapes: ShapeReader
  /** Contents of files with several links, by path. */
  private readonly linked = new Map<BinaryPath, Uint8Array>()

  constructor(options: CopyMatchOptions) {
    this.options = options
    this.shapes = new ShapeReader(options.owners)
  }

  run(steps: Iterator<WalkStep>): void {
    for (;;) {
      this.options.throwIfAborted()
      const batch: ReadStep[] = []
      try {
        this.options.source.enter()
        this.readBatch(steps, batch)
        if (batch.length === 0) return
        this.options.target.enter()
        for (const step of batch) this.write(step)
      } finally {
        for (const { content } of batch) if (content.kind === 'big') closeSync(content.fd)
      }
    }
  }

  private readBatch(steps: Iterator<WalkStep>, batch: ReadStep[]): void {
    let used = 0
    let files = 0
    while (batch.length < batchSteps && used < batchBytes && files < batchFiles) {
      const next = steps.next()
      if (next.done) return
      const read = this.read(next.value, used)
      batch.push(read)
      if (read.content.kind === 'small') used += read.content.data.length
      if (read.content.kind === 'big') files++
    }
  }

  private read(step: WalkStep, used: number): ReadStep {
    const { tree } = this.options
    const { path, stat } = step
    const xattrs = step.kind === 'leave' && step.relative === '' ? [] : readXattrs(tree.at(path))
    if (step.kind !== 'file') return { step, xattrs, content: none }
    if (fileType(stat.mode) === 'symlink') return { step, xattrs, content: { kind: 'link', to: tree.readLink(path) } }
    if (!isRegular(stat.mode)) return { step, xattrs, content: none }
    const fd = openFile(tree, path)
    if (stat.stats.size > BigInt(smallBytes)) return { step, xattrs, content: { kind: 'big', fd } }
    try {
      // One byte more than it should have shows that it grew.
      const room = pool.subarray(used, used + Number(stat.stats.size) + 1)
      const length = read(fd, path, room)
      return { step, xattrs, content: { kind: 'small', data: room.subarray(0, length) } }
    } finally {
      closeSync(fd)
    }
  }

  private write({ step, xattrs, content }: ReadStep): void {
    const { writer, hasher } = this.options
    const path = this.target(step.relative)
    const top = step.relative === ''
    if (step.kind === 'leave') {
      writer.leaveDirectory(path, step.stat, xattrs, { top, implied: step.implied })
      return
    }
    const shape = this.shapes.read(step)
    if (step.kind === 'directory') writer.enterDirectory(path, step.stat, top)
    const digest = step.kind === 'directory' ? noContent : this.writeFile(path, { step, xattrs, content }, shape.linkTo)
    hasher.path(shape, { contentIn: digest, contentAt: 0, xattrs: digestXattrs(xattrs) })
  }

  private writeFile(path: BinaryPath, { step, xattrs, content }: ReadStep, linkTo: BinaryPath | undefined): Uint8Array {
    const { writer } = this.options
    const { stat } = step
    if (linkTo !== undefined) {
      writer.link(path, this.target(linkTo))
      return this.linked.get(linkTo) ?? noContent
    }
    if (content.kind === 'link') {
      writer.symlink(path, stat, content.to, xattrs)
      return sha256(Buffer.from(content.to, 'latin1'))
    }
    const type = fileType(stat.mode)
    if (type !== 'file') {
      writer.node(path, stat, xattrs)
      return noContent
    }
    let digest: Uint8Array = noContent
    writer.file(path, stat, xattrs, (fd) => {
      if (content.kind === 'small') {
        writeAll(fd, content.data)
        this.options.onBytes(content.data.length)
        digest = sha256(content.data)
      } else if (content.kind === 'big') digest = this.copyBig(content.fd, step.path, fd)
    })
    if (stat.stats.nlink > 1n) this.linked.set(step.relative, digest)
    return digest
  }

  private copyBig(from: number, path: BinaryPath, to: number): Uint8Array {
    const hash: Hash = createHash('sha256')
    for (;;) {
      this.options.throwIfAborted()
      const count = read(from, path, bigBuffer)
      if (count === 0) return hash.digest()
      const chunk = bigBuffer.subarray(0, count)
      hash.update(chunk)
      writeAll(to, chunk)
      this.options.onBytes(count)
    }
  }

  private target(relative: BinaryPath): BinaryPath {
    const { destination } = this.options
    return relative === '' ? destination : joinPath(destination, relative)
  }
}
