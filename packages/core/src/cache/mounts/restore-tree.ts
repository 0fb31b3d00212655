import { createHash } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeSync,
} from 'node:fs'
import { hasErrno, openHost } from '@tsbuild/host'
import { at } from '../../files/target-tree.js'
import { invalid } from './errors.js'
import type { Content, MountTree, TreeEntry } from './tree.js'

type FileEntry = TreeEntry & { readonly kind: 'file' }
type OwnedEntry = Exclude<TreeEntry, { readonly kind: 'link' }>

/** Blocks of this length that are zeros become holes. */
const holeBytes = 64 * 1024
const zeros = Buffer.alloc(holeBytes)

/** Whose a new path is. */
const ownUid = process.geteuid?.()
const ownGid = process.getegid?.()

/** Writes a tree into the root of this thread, which must be empty: first its directories, then contents as they come, then the rest. */
export class RestoredTree {
  readonly #tree: MountTree
  readonly #holders = new Map<number, FileEntry[]>()

  constructor(tree: MountTree) {
    this.#tree = tree
    for (const entry of tree.entries) {
      if (entry.kind !== 'file' || entry.content === undefined) continue
      const holders = this.#holders.get(entry.content)
      if (holders === undefined) this.#holders.set(entry.content, [entry])
      else holders.push(entry)
    }
  }

  makeDirectories(): void {
    for (const { kind, path } of this.#tree.entries) {
      if (kind === 'directory' && path !== '') mkdirSync(at(path), 0o700)
    }
  }

  /** Writes the files that have a content.
   * @param read its next bytes
   * @throws {CoreError} `CACHE_INVALID` when it is not what its digest says */
  writeContent(index: number, content: Content, read: (most: number) => Uint8Array): void {
    const [first, ...others] = this.#holders.get(index) ?? []
    const fd = first === undefined ? undefined : create(first)
    try {
      receive(content, fd, read)
    } finally {
      if (fd !== undefined) closeSync(fd)
    }
    if (first === undefined) return
    for (const { path } of others) {
      copyFileSync(at(first.path), at(path), constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
    }
    for (const entry of [first, ...others]) setAttributes(entry)
  }

  /** Makes what has no content, and gives directories what they had, the inner ones first. */
  finish(): void {
    for (const entry of this.#tree.entries) {
      if (entry.kind === 'link') linkSync(at(entry.to), at(entry.path))
      else if (entry.kind === 'symlink') makeSymlink(entry)
      else if (entry.kind === 'file' && entry.content === undefined) makeEmpty(entry)
    }
    for (const entry of this.#tree.entries.toReversed()) if (entry.kind === 'directory') setAttributes(entry)
  }
}

function makeSymlink(entry: TreeEntry & { readonly kind: 'symlink' }): void {
  symlinkSync(Buffer.from(entry.target, 'latin1'), at(entry.path))
  setAttributes(entry)
}

function makeEmpty(entry: FileEntry): void {
  closeSync(create(entry))
  setAttributes(entry)
}

function create({ path }: FileEntry): number {
  return openSync(at(path), constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600)
}

function receive({ digest, size }: Content, fd: number | undefined, read: (most: number) => Uint8Array): void {
  const hash = createHash('sha256')
  let position = 0
  let isWhole = true
  while (position < size) {
    const bytes = read(size - position)
    hash.update(bytes)
    if (fd !== undefined) isWhole = writeSparse(fd, bytes, position)
    position += bytes.length
  }
  if (hash.digest('binary') !== digest) {
    throw invalid('import a cache mount', 'the content of a file is not what its digest says')
  }
  if (fd !== undefined && !isWhole) ftruncateSync(fd, size)
}

/** Leaves out blocks of zeros, or what there is of one.
 * @returns whether the last bytes were written */
function writeSparse(fd: number, bytes: Uint8Array, position: number): boolean {
  let isHole = false
  for (let at = 0; at < bytes.length; ) {
    const length = Math.min(bytes.length - at, holeBytes - ((position + at) % holeBytes))
    isHole = zeros.compare(bytes, at, at + length, 0, length) === 0
    if (!isHole) writeFully(fd, bytes.subarray(at, at + length), position + at)
    at += length
  }
  return !isHole
}

function writeFully(fd: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, position + at)
}

/** Owner first: a new one takes set-user-id bits and capabilities away. Time last. */
function setAttributes(entry: OwnedEntry): void {
  const host = openHost()
  const path = at(entry.path)
  if (entry.uid !== ownUid || entry.gid !== ownGid) host.lchown(path, entry.uid, entry.gid)
  if (entry.kind !== 'symlink') chmodSync(path, entry.mode)
  for (const [name, value] of entry.xattrs) {
    try {
      host.lsetxattr(path, name, value)
    } catch (error) {
      // A file system without attributes.
      if (!hasErrno(error, 'ENOTSUP', 'EOPNOTSUPP')) throw error
    }
  }
  host.utimens(path, undefined, entry.mtimeNs)
}
