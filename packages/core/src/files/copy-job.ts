import { closeSync, constants, openSync } from 'node:fs'
import { enterHostRoot, type Tree, type WorkerTask } from '@tsbuild/host'
import { type Archive, openArchive } from './archive.js'
import { type BinaryPath, baseName, cleanPath, joinPath, parentPath, showPath, toBinary } from './binary-path.js'
import { parseChmod } from './chmod.js'
import { MatchCopier } from './copy-match.js'
import type { CopyInput, CopySource } from './copy-task.js'
import type { SourceDigest } from './digest-task.js'
import { isDirectory, isRegular } from './file-types.js'
import { type DirectoryAttributes, fixTimes, makeDirectories } from './make-directories.js'
import { ShapeReader } from './path-facts.js'
import { chunkBytes, openFile, read } from './read-content.js'
import type { InlineFile } from './request.js'
import { resolvePath } from './resolve-path.js'
import { type Match, type SourceWords, select } from './select.js'
import type { SourceTree } from './source-tree.js'
import { seconds, target } from './target-tree.js'
import { TreeHasher } from './tree-hasher.js'
import { TreeWriter, type WriteRules, writeAll } from './tree-writer.js'
import { unpackArchive } from './unpack.js'
import { findOwner, type Owner } from './users.js'
import { walk } from './walk.js'
import { digestXattrs, readXattrs } from './xattrs.js'

const progressMs = 100

/** One COPY or ADD: its sources are copied one after the other. */
export class CopyJob {
  private readonly input: CopyInput
  private readonly targetTree: Tree
  private readonly sourceTree: Tree | undefined
  private readonly tree: SourceTree
  private readonly task: WorkerTask
  private readonly rules: WriteRules
  private readonly attributes: DirectoryAttributes
  private bytes = 0
  private lastProgress = 0

  constructor(input: CopyInput, targetTree: Tree, sourceTree: Tree | undefined, tree: SourceTree, task: WorkerTask) {
    this.input = input
    this.targetTree = targetTree
    this.sourceTree = sourceTree
    this.tree = tree
    this.task = task
    const mtimeNs = input.modifiedTime === undefined ? undefined : seconds(input.modifiedTime)
    const chmod = input.chmod === undefined ? undefined : parseChmod(input.chmod)
    const owner = this.findOwner()
    this.rules = { chmod, mtimeNs, owner: owner ?? (input.owners ? undefined : { uid: 0, gid: 0 }) }
    this.attributes = { mode: chmod?.directoryMode ?? 0o755, owner: owner ?? { uid: 0, gid: 0 }, mtimeNs }
  }

  /** @param from where the files are; default: the tree that the request names */
  async copyTree(
    words: SourceWords,
    unpack: boolean,
    from: { readonly place: Tree | undefined; readonly tree: SourceTree } = { place: this.sourceTree, tree: this.tree },
  ): Promise<SourceDigest> {
    const { place: sourceTree, tree } = from
    if (sourceTree === undefined) throw new TypeError('a source of kind tree needs a tree')
    sourceTree.enter()
    const { matches, filters } = select(tree, words)
    const hasher = new TreeHasher()
    for (const match of matches) {
      const directory = isDirectory(match.stat.mode)
      hasher.match(directory ? '' : match.name)
      if (unpack && (await this.unpackMatch(sourceTree, match, hasher))) continue
      const copier = this.prepare(
        match.name,
        directory,
        (destination) =>
          new MatchCopier({
            source: sourceTree,
            target: this.targetTree,
            tree,
            writer: new TreeWriter(this.rules),
            hasher,
            owners: this.input.owners && this.input.chown === undefined,
            destination,
            throwIfAborted: () => this.task.throwIfAborted(),
            onBytes: (count) => this.progress(count),
          }),
      )
      copier.value.run(walk(tree, { path: match.path, relative: '', stat: match.stat }, filters))
      this.targetTree.enter()
      fixTimes(copier.made, this.rules.mtimeNs)
    }
    return { digest: hasher.end(), files: hasher.files, bytes: hasher.bytes }
  }

  copyInline({ name, data }: InlineFile): void {
    const content = Buffer.from(data)
    const mtimeNs = BigInt(Date.now()) * 1_000_000n
    this.copySingle(toBinary(name), 0o644, mtimeNs, (fd) => writeAll(fd, content))
    this.progress(content.length)
  }

  async copyDownload(source: CopySource & { kind: 'download' }): Promise<void> {
    enterHostRoot()
    const from = openSync(source.path, constants.O_RDONLY)
    try {
      const archive = source.unpack ? await openArchive(from) : undefined
      if (archive !== undefined) {
        await this.unpack(archive, source.name, from)
        return
      }
      // Without Last-Modified a download is from the epoch, as BuildKit has it.
      const mtimeNs = seconds(source.modifiedSeconds ?? 0)
      this.copySingle(toBinary(source.name), 0o600, mtimeNs, (fd) => this.pump(from, fd))
    } finally {
      closeSync(from)
    }
  }

  private copySingle(name: BinaryPath, mode: number, mtimeNs: bigint, write: (fd: number) => void): void {
    const { made, value: destination } = this.prepare(name, false, (path) => path)
    const stats = {
      dev: 0n,
      ino: 0n,
      size: 0n,
      mtimeNs,
      ctimeNs: mtimeNs,
      mode: 0n,
      uid: 0n,
      gid: 0n,
      nlink: 1n,
      rdev: 0n,
    }
    new TreeWriter(this.rules).file(destination, { mode: 0o100000 | mode, stats }, [], write)
    fixTimes(made, this.rules.mtimeNs)
  }

  private pump(from: number, to: number): void {
    const buffer = Buffer.allocUnsafe(chunkBytes)
    for (;;) {
      this.task.throwIfAborted()
      const count = read(from, '', buffer)
      if (count === 0) return
      writeAll(to, buffer.subarray(0, count))
      this.progress(count)
    }
  }

  /** Makes what must be there before a source is copied, and says where it goes: BuildKit's rules. */
  private prepare<T>(
    name: BinaryPath,
    directory: boolean,
    use: (path: BinaryPath) => T,
  ): { made: BinaryPath[]; value: T } {
    this.targetTree.enter()
    const wanted = toBinary(this.input.destination)
    const last = baseName(wanted)
    const made = makeDirectories(last === '' || last === '.' ? wanted : parentPath(wanted), this.attributes)
    let path = resolvePath(target, cleanPath(wanted))
    const there = target.lstat(path)
    if (!directory && there !== undefined && isDirectory(there.mode)) path = joinPath(path, baseName(name))
    made.push(...makeDirectories(directory && there === undefined ? path : parentPath(path), this.attributes))
    return { made, value: use(path) }
  }

  private async unpackMatch(source: Tree, match: Match, hasher: TreeHasher): Promise<boolean> {
    if (!isRegular(match.stat.mode)) return false
    source.enter()
    const xattrs = digestXattrs(readXattrs(this.tree.at(match.path)))
    const fd = openFile(this.tree, match.path)
    try {
      enterHostRoot()
      const archive = await openArchive(fd)
      if (archive === undefined) return false
      const content = await this.unpack(archive, showPath(match.path), fd)
      const owners = this.input.owners && this.input.chown === undefined
      hasher.path(new ShapeReader(owners).read({ ...match, relative: '' }), {
        contentIn: content,
        contentAt: 0,
        xattrs,
      })
      return true
    } finally {
      closeSync(fd)
      source.enter()
    }
  }

  /** Unpacks into the destination; SHA-256 of the archive's bytes. */
  private async unpack(archive: Archive, name: string, fd: number): Promise<Uint8Array> {
    this.targetTree.enter()
    const directory = resolvePath(target, cleanPath(toBinary(this.input.destination)))
    const made = makeDirectories(directory, this.attributes)
    const digest = await unpackArchive(archive, {
      target: this.targetTree,
      directory,
      fd,
      name,
      owner: this.input.chown === undefined ? undefined : this.attributes.owner,
      throwIfAborted: () => this.task.throwIfAborted(),
      onBytes: (count, total) => this.progress(count, total),
    })
    this.targetTree.enter()
    fixTimes(made, this.rules.mtimeNs)
    return digest
  }

  private findOwner(): Owner | undefined {
    if (this.input.chown === undefined) return undefined
    this.targetTree.enter()
    return findOwner(this.input.chown)
  }

  private progress(count: number, total?: number): void {
    this.bytes += count
    const now = Date.now()
    if (now - this.lastProgress < progressMs) return
    this.lastProgress = now
    this.task.post(total === undefined ? { bytes: this.bytes } : { bytes: this.bytes, total })
  }
}
