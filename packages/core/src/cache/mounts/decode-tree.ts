import { type BinaryPath, parentPath } from '../../files/binary-path.js'
import type { Xattrs } from '../../files/xattrs.js'
import { ByteReader, odd } from './byte-reader.js'
import { sharedLength } from './encode-tree.js'
import { type Content, kindCodes, type MountTree, type TreeEntry, treeMagic } from './tree.js'
import { isKeptXattr } from './xattrs.js'

const digestBytes = 32
const highestId = 2 ** 32 - 2
/** Limits of Linux: PATH_MAX, NAME_MAX, XATTR_SIZE_MAX. */
const maxPathBytes = 4096
const maxNameBytes = 255
const maxXattrBytes = 65_536
/** No time further from 1970: file systems differ in what they take. */
const maxTimeNs = 2n ** 62n

/** Reads what {@link encodeTree} wrote, and takes nothing that it would not write: each path lies in a directory that comes before it,
 * none is there twice, and none leaves the folder.
 * @throws {CoreError} `CACHE_INVALID` */
export function decodeTree(bytes: Buffer): MountTree {
  const reader = new ByteReader(bytes)
  if (reader.left < treeMagic.length || !reader.raw(treeMagic.length).equals(treeMagic)) {
    throw odd('it is none, or of another version')
  }
  const packs = Array.from({ length: reader.count(1) }, () => reader.number())
  const contents = readContents(reader, packs)
  const entries = readEntries(reader, contents.length)
  if (reader.left > 0) throw odd('something follows it')
  return { packs, contents, entries }
}

function readContents(reader: ByteReader, packs: readonly number[]): Content[] {
  const out: Content[] = []
  let before = { pack: 0, end: 0 }
  for (let left = reader.count(digestBytes + 3); left > 0; left--) {
    const content = {
      digest: reader.text(digestBytes),
      size: reader.number(),
      pack: reader.number(),
      offset: reader.number(),
    }
    const { pack, offset, size } = content
    const end = offset + size
    const isBehind = pack > before.pack || (pack === before.pack && offset >= before.end)
    if (size === 0 || !isBehind || end > (packs[pack] ?? 0)) throw odd('a content is not where it can be')
    before = { pack, end }
    out.push(content)
  }
  return out
}

/** What the entries so far allow the next one. */
interface Known {
  readonly directories: Set<BinaryPath>
  readonly files: Set<BinaryPath>
  readonly contents: number
}

function readEntries(reader: ByteReader, contents: number): TreeEntry[] {
  const known: Known = { directories: new Set(), files: new Set(), contents }
  const entries: TreeEntry[] = []
  let before: BinaryPath | undefined
  for (let left = reader.count(3); left > 0; left--) {
    const entry = readEntry(reader, before ?? '', known)
    if (before === undefined ? entry.path !== '' : !follows(before, entry.path, known)) {
      throw odd('a path is not where it can be')
    }
    if (entry.kind === 'directory') known.directories.add(entry.path)
    if (entry.kind === 'file') known.files.add(entry.path)
    if (before === undefined && entry.kind !== 'directory') throw odd('its folder is no directory')
    before = entry.path
    entries.push(entry)
  }
  if (before === undefined) throw odd('it has no folder')
  return entries
}

/** Whether a path may come next: its name is one, its directory is there, and the order of the walk is kept, in which nothing comes
 * twice. */
function follows(before: BinaryPath, path: BinaryPath, { directories }: Known): boolean {
  if (path === '' || path.length >= maxPathBytes || path.includes('\0')) return false
  const parent = parentPath(path)
  const name = parent === '' ? path : path.slice(parent.length + 1)
  if (name === '' || name === '.' || name === '..' || name.length > maxNameBytes) return false
  if (path.startsWith('/') || !directories.has(parent)) return false
  return comesBefore(before, path)
}

/** In the order of the walk a slash comes before every other byte. */
function comesBefore(a: BinaryPath, b: BinaryPath): boolean {
  const at = sharedLength(a, b)
  if (at === a.length) return b.length > at
  if (at === b.length) return false
  return rank(a, at) < rank(b, at)
}

function rank(path: BinaryPath, at: number): number {
  const code = path.charCodeAt(at)
  return code === 0x2f ? -1 : code
}

function readEntry(reader: ByteReader, before: BinaryPath, known: Known): TreeEntry {
  const code = reader.byte()
  const shared = reader.number()
  if (shared > before.length) throw odd('a path is not where it can be')
  const path = before.slice(0, shared) + readText(reader)
  if (sharedLength(before, path) !== shared) throw odd('a path is longer than it need be')
  if (code === kindCodes.link) {
    const to = readText(reader)
    if (!known.files.has(to)) throw odd('a hard link leads to no file')
    return { kind: 'link', path, to }
  }
  const attributes = { path, ...readAttributes(reader) }
  switch (code) {
    case kindCodes.directory:
      return { kind: 'directory', ...attributes }
    case kindCodes.file:
      return { kind: 'file', ...attributes, content: readContent(reader, known) }
    case kindCodes.symlink:
      return { kind: 'symlink', ...attributes, target: readTarget(reader) }
    default:
      throw odd('a path is of no known type')
  }
}

function readAttributes(reader: ByteReader) {
  const mode = reader.number()
  const uid = reader.number()
  const gid = reader.number()
  const mtimeNs = reader.long()
  if (mode > 0o7777 || uid > highestId || gid > highestId) throw odd('a mode or owner is none')
  if (mtimeNs > maxTimeNs || mtimeNs < -maxTimeNs) throw odd('a time is none')
  return { mode, uid, gid, mtimeNs, xattrs: readXattrs(reader) }
}

function readXattrs(reader: ByteReader): Xattrs {
  return Array.from({ length: reader.count(2) }, () => {
    const bytes = Buffer.from(readText(reader), 'latin1')
    const name = bytes.toString()
    const size = reader.number()
    if (!isKeptXattr(name) || !bytes.equals(Buffer.from(name)) || size > maxXattrBytes) {
      throw odd('an attribute is none that is kept')
    }
    return [name, Buffer.from(reader.raw(size))] as const
  })
}

function readContent(reader: ByteReader, { contents }: Known): number | undefined {
  const number = reader.number()
  if (number > contents) throw odd('a file has a content that is not there')
  return number === 0 ? undefined : number - 1
}

function readTarget(reader: ByteReader): BinaryPath {
  const target = readText(reader)
  if (target === '' || target.length >= maxPathBytes || target.includes('\0')) throw odd('a link leads nowhere')
  return target
}

function readText(reader: ByteReader): BinaryPath {
  return reader.text(reader.number())
}
