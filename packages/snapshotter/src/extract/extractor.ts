import { closeSync, constants, linkSync, mkdirSync, openSync, symlinkSync, writeSync } from 'node:fs'
import { hasErrno } from '@tsbuild/host'
import { faultPoint } from '@tsbuild/spec'
import { type BinaryPath, fsPath, joinPath, showPath } from '../binary-path.js'
import { SnapshotError } from '../errors.js'
import { type Attributes, makeNode, setAttributes } from '../files/create.js'
import { removeTree } from '../files/remove.js'
import { type FileStat, statFile } from '../files/stat.js'
import type { TarEntry } from '../tar/entry.js'
import { invalidEntry, type TarHandler } from '../tar/parser.js'
import { PendingDirectories } from './directories.js'
import { layerMeaning, splitName } from './entry-name.js'
import type { Hiding } from './hiding.js'
import { ParentResolver } from './resolver.js'

/** What may be set otherwise than the archive says. */
export interface EntryOverride {
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  readonly mtimeNs?: bigint
}

export interface ExtractorOptions {
  /** '' for the thread's own root, else a directory without a slash at its end. */
  readonly root: BinaryPath
  /** Where whiteouts go; without it `.wh.` means nothing. */
  readonly hiding?: Hiding
  /** A directory entry over a link goes where the link leads, inside the root, instead of replacing it. */
  readonly followDirectoryLinks?: boolean
  /** Told of each entry before it is made; `path` is relative to the root. */
  readonly onEntry?: (entry: TarEntry, path: BinaryPath) => EntryOverride | undefined
  /** The content of the file that `onEntry` told of last. */
  readonly onData?: (chunk: Buffer) => void
}

const filesystemRefusals = [
  'ENAMETOOLONG',
  'EINVAL',
  'EPERM',
  'EMLINK',
  'ELOOP',
  'ENOTDIR',
  'EISDIR',
  'EOVERFLOW',
  'ENOENT',
]

/** Writes the entries of a tar below a root, each as it comes; a later entry replaces an earlier one of the same name, except
 * that a directory stays one. Nothing outside the root is touched. */
export class Extractor implements TarHandler {
  readonly #options: ExtractorOptions
  readonly #root: BinaryPath
  readonly #resolver: ParentResolver
  readonly #directories: PendingDirectories
  readonly #implied = new Set<BinaryPath>()
  readonly #hiddenByResolver = new Set<BinaryPath>()
  #open: { readonly fd: number; readonly path: BinaryPath; readonly attributes: Attributes } | undefined
  #entry = ''
  #opaqueRoot = false

  constructor(options: ExtractorOptions) {
    this.#options = options
    this.#root = options.root
    this.#directories = new PendingDirectories(options.root)
    this.#resolver = new ParentResolver(options.root, {
      implied: (path) => this.#imply(path),
      unhide: (path) => this.#unhideFor(path),
    })
  }

  /** Directories that were made without an entry of their own (relative paths, parents first). */
  get implied(): readonly BinaryPath[] {
    return [...this.#implied].sort()
  }

  /** Whether the archive had an entry for the root itself. */
  get hasRoot(): boolean {
    return this.#directories.has('')
  }

  /** Whether nothing of lower layers is left. */
  get opaqueRoot(): boolean {
    return this.#opaqueRoot
  }

  entry(entry: TarEntry): void {
    this.#entry = entry.name
    this.#guard(() => this.#begin(entry))
  }

  data(chunk: Buffer): void {
    if (this.#open === undefined) return
    this.#options.onData?.(chunk)
    faultPoint('extract.write')
    for (let done = 0; done < chunk.length; ) done += writeSync(this.#open.fd, chunk, done)
  }

  endEntry(): void {
    const open = this.#open
    if (open === undefined) return
    this.#open = undefined
    closeSync(open.fd)
    this.#guard(() => setAttributes(open.path, open.attributes))
  }

  /** Completes the directories. */
  finish(): void {
    this.#directories.finish()
  }

  /** Lets go of what is open; for the case that something failed. */
  close(): void {
    if (this.#open !== undefined) closeSync(this.#open.fd)
    this.#open = undefined
  }

  #begin(entry: TarEntry): void {
    const components = splitName(entry.name)
    const { hiding } = this.#options
    if (hiding !== undefined && this.#hide(hiding, components, entry)) return
    const path = this.#place(components, entry)
    if (path === '' && entry.type !== 'directory') throw invalidEntry(entry.name, 'the root must be a directory')
    const override = this.#options.onEntry?.(entry, path)
    this.#make({ ...entry, ...override }, path)
  }

  #place(components: readonly BinaryPath[], entry: TarEntry): BinaryPath {
    const parent = this.#resolver.resolve(components.slice(0, -1), entry.name)
    const path = joinPath(parent, components.at(-1) ?? '')
    const follow = entry.type === 'directory' && this.#options.followDirectoryLinks === true
    if (!follow || statFile(`${this.#root}/${path}`)?.type !== 'symlink') return path
    return this.#resolver.resolve(components, entry.name)
  }

  /** Whether the entry was one that only hides. */
  #hide(hiding: Hiding, components: readonly BinaryPath[], entry: TarEntry): boolean {
    const meaning = layerMeaning(components, entry.name)
    const device = entry.type === 'character-device' && entry.deviceMajor === 0 && entry.deviceMinor === 0
    if (meaning.kind === 'entry' && !device) return false
    if (meaning.kind === 'ignore') return true
    const parent = this.#resolver.resolve(components.slice(0, -1), entry.name)
    const name = meaning.kind === 'whiteout' ? meaning.name : meaning.kind === 'opaque' ? '' : (components.at(-1) ?? '')
    const path = name === '' ? parent : joinPath(parent, name)
    if (path === '' && meaning.kind !== 'opaque') throw invalidEntry(entry.name, 'the root must be a directory')
    if (path === '') this.#opaqueRoot = true
    else hiding.hide(path)
    return true
  }

  #make(entry: TarEntry, path: BinaryPath): void {
    const full = `${this.#root}/${path}`
    const before = statFile(full)
    const linked = entry.type === 'hardlink' ? this.#linkTarget(entry, path) : undefined
    if (linked === path) return
    const hid = this.#makeRoom(entry, path, full, before)
    if (entry.type === 'directory') this.#makeDirectory(entry, path, full)
    else if (linked !== undefined) linkSync(fsPath(`${this.#root}/${linked}`), fsPath(full))
    else this.#makeOther(entry, full)
    if (hid && entry.type === 'directory') this.#options.hiding?.hide(path)
  }

  #makeRoom(entry: TarEntry, path: BinaryPath, full: BinaryPath, before: FileStat | undefined): boolean {
    const { hiding } = this.#options
    const keep = entry.type === 'directory' && before?.type === 'directory'
    if (keep) return false
    const hid = hiding?.unhide(path) ?? false
    if (before === undefined || (hid && before.type === 'whiteout')) return hid
    if (path === '') throw invalidEntry(entry.name, 'the root must be a directory')
    removeTree(full)
    this.#forget(path)
    hiding?.forgetBelow(path)
    // what stood here hid lower layers, and so must what comes now
    return true
  }

  #forget(path: BinaryPath): void {
    this.#directories.drop(path)
    for (const implied of this.#implied) {
      if (implied === path || implied.startsWith(`${path}/`)) this.#implied.delete(implied)
    }
    this.#resolver.forget()
  }

  #makeDirectory(entry: TarEntry, path: BinaryPath, full: BinaryPath): void {
    if (statFile(full) === undefined) mkdirSync(fsPath(full), 0o700)
    this.#implied.delete(path)
    this.#directories.set(path, { ...entry, type: 'directory' })
  }

  #makeOther(entry: TarEntry, full: BinaryPath): void {
    const type = entry.type === 'hardlink' ? 'file' : entry.type
    const attributes: Attributes = { ...entry, type }
    if (type === 'file') {
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
      this.#open = { fd: openSync(fsPath(full), flags, 0o600), path: full, attributes }
      return
    }
    if (type === 'symlink') {
      if (entry.linkName === '') throw invalidEntry(entry.name, 'its link target is empty')
      symlinkSync(Buffer.from(entry.linkName, 'latin1'), fsPath(full))
    } else {
      makeNode(full, type, entry.deviceMajor, entry.deviceMinor)
    }
    setAttributes(full, attributes)
  }

  /** Path within the root of what a hard link names. Only the target's parent may go through links, inside the root. */
  #linkTarget(entry: TarEntry, path: BinaryPath): BinaryPath {
    const components = splitName(entry.linkName, entry.name)
    const missing = () => invalidEntry(entry.name, `its hard link target "${showPath(entry.linkName)}" is not there`)
    const last = components.at(-1)
    if (last === undefined) throw missing()
    const parent = this.#existingParent(components.slice(0, -1), entry)
    if (parent === undefined) throw missing()
    const target = joinPath(parent, last)
    const stat = statFile(`${this.#root}/${target}`)
    if (stat === undefined || stat.type === 'whiteout') throw missing()
    if (stat.type === 'directory') throw invalidEntry(entry.name, 'its hard link target is a directory')
    if (target.startsWith(`${path}/`)) throw missing()
    return target
  }

  #existingParent(components: readonly BinaryPath[], entry: TarEntry): BinaryPath | undefined {
    const implied = this.#implied.size
    const parent = this.#resolver.resolve(components, entry.name)
    // a parent that had to be made cannot hold the target
    return this.#implied.size === implied ? parent : undefined
  }

  #imply(path: BinaryPath): void {
    this.#implied.add(path)
    this.#directories.set(path, { type: 'directory', mode: 0o755, uid: 0, gid: 0, mtimeNs: 0n, xattrs: new Map() })
    if (this.#hiddenByResolver.delete(path)) this.#options.hiding?.hide(path)
  }

  #unhideFor(path: BinaryPath): void {
    if (this.#options.hiding?.unhide(path)) this.#hiddenByResolver.add(path)
    else throw invalidEntry(this.#entry, 'its parent is not a directory')
  }

  #guard(action: () => void): void {
    try {
      action()
    } catch (err) {
      if (err instanceof SnapshotError || !hasErrno(err, ...filesystemRefusals)) throw err
      const state = err instanceof Error ? err.message : String(err)
      throw invalidEntry(this.#entry, `the file system refuses it (${showPath(state)})`, err)
    }
  }
}
