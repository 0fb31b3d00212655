import type { BinaryPath } from '../../files/binary-path.js'
import { ByteWriter } from './byte-writer.js'
import { invalid } from './errors.js'
import { kindCodes, type MountTree, maxTreeBytes, type TreeEntry, treeMagic } from './tree.js'

/** One way only, so that equal folders with equal packs have equal lists. Layout (numbers are {@link ByteWriter.number}s, `text` is a
 * length and that many bytes):
 *
 * - `tsbuild cache mount 1\n`
 * - number of packs, the length of each
 * - number of contents; each: digest (32 bytes), size, pack, offset
 * - number of entries; each: kind (a byte: `d`, `f`, `l`, `h`), how many bytes of the path are those of the path before, text of the
 *   rest; for a hard link text of the path it leads to, else mode, uid, gid, mtime (8 bytes, nanoseconds, little-endian), number of
 *   xattrs (text of the name, text of the value), and for a file 0 or 1 + content, for a symbolic link text of its target
 *
 * @throws {CoreError} `CACHE_INVALID` when it takes more than {@link maxTreeBytes} */
export function encodeTree({ packs, contents, entries }: MountTree): Buffer {
  const writer = new ByteWriter()
  writer.raw(treeMagic)
  writer.number(packs.length)
  for (const length of packs) writer.number(length)
  writer.number(contents.length)
  for (const { digest, size, pack, offset } of contents) {
    writer.text(digest)
    writer.number(size)
    writer.number(pack)
    writer.number(offset)
  }
  writer.number(entries.length)
  let before: BinaryPath = ''
  for (const entry of entries) {
    writeEntry(writer, entry, before)
    before = entry.path
    if (writer.length > maxTreeBytes) throw invalid('export a cache mount', 'it has too many paths')
  }
  return writer.bytes()
}

function writeEntry(writer: ByteWriter, entry: TreeEntry, before: BinaryPath): void {
  const shared = sharedLength(before, entry.path)
  writer.byte(kindCodes[entry.kind])
  writer.number(shared)
  writeText(writer, entry.path.slice(shared))
  if (entry.kind === 'link') {
    writeText(writer, entry.to)
    return
  }
  writer.number(entry.mode)
  writer.number(entry.uid)
  writer.number(entry.gid)
  writer.long(entry.mtimeNs)
  writer.number(entry.xattrs.length)
  for (const [name, value] of entry.xattrs) {
    writeText(writer, Buffer.from(name).toString('latin1'))
    writer.number(value.length)
    writer.raw(value)
  }
  if (entry.kind === 'file') writer.number(entry.content === undefined ? 0 : 1 + entry.content)
  if (entry.kind === 'symlink') writeText(writer, entry.target)
}

function writeText(writer: ByteWriter, text: string): void {
  writer.number(text.length)
  writer.text(text)
}

/** How many bytes two paths begin with alike. */
export function sharedLength(a: BinaryPath, b: BinaryPath): number {
  let at = 0
  while (at < a.length && a.charCodeAt(at) === b.charCodeAt(at)) at++
  return at
}
