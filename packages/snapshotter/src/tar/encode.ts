import { type BinaryPath, isAscii, toBinary } from '../binary-path.js'
import { blockSize, padding, type TarEntry, type TarEntryType } from './entry.js'
import { encodeOctal, writeChecksum } from './numbers.js'
import { encodePax } from './pax.js'

const typeFlags: Record<TarEntryType, string> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
}

const nameLength = 100
const prefixLength = 155

/** Encodes one entry's headers: a USTAR block, before it a pax header only if something does not fit into that.
 * Times are whole seconds, rounded towards the past, as containerd and Docker write layers. */
export function encodeHeader(entry: TarEntry): Buffer {
  const block = Buffer.alloc(blockSize)
  const records = new Map<string, string>()
  const name = entry.type === 'directory' ? `${entry.name}/` : entry.name
  if (!writeName(block, name)) records.set('path', name)
  if (entry.linkName !== '' && !writeText(block, entry.linkName, 157, nameLength))
    records.set('linkpath', entry.linkName)
  const mtime = Number(floorSeconds(entry.mtimeNs))
  encodeOctal(block, entry.mode, 100, 8)
  if (!encodeOctal(block, entry.uid, 108, 8)) records.set('uid', String(entry.uid))
  if (!encodeOctal(block, entry.gid, 116, 8)) records.set('gid', String(entry.gid))
  if (!encodeOctal(block, entry.size, 124, 12)) records.set('size', String(entry.size))
  if (!encodeOctal(block, mtime, 136, 12)) records.set('mtime', String(mtime))
  encodeOctal(block, entry.deviceMajor, 329, 8)
  encodeOctal(block, entry.deviceMinor, 337, 8)
  for (const [key, value] of entry.xattrs) records.set(`SCHILY.xattr.${escapeKey(key)}`, value.toString('latin1'))
  finish(block, typeFlags[entry.type])
  return records.size === 0 ? block : Buffer.concat([paxBlocks(name, records), block])
}

/** What ends every archive: two blocks of zeros. */
export const endOfArchive: Buffer = Buffer.alloc(2 * blockSize)

function finish(block: Buffer, typeFlag: string): void {
  block.write(typeFlag, 156, 'latin1')
  block.write('ustar\x0000', 257, 'latin1')
  writeChecksum(block)
}

function paxBlocks(name: BinaryPath, records: ReadonlyMap<string, string>): Buffer {
  const data = encodePax(records)
  const block = Buffer.alloc(blockSize)
  const base = name.replace(/\/$/, '').split('/').at(-1) ?? ''
  writeText(block, `PaxHeaders.0/${onlyAscii(base)}`.slice(0, nameLength), 0, nameLength)
  for (const offset of [100, 108, 116, 329, 337]) encodeOctal(block, 0, offset, 8)
  encodeOctal(block, data.length, 124, 12)
  encodeOctal(block, 0, 136, 12)
  finish(block, 'x')
  return Buffer.concat([block, data, Buffer.alloc(padding(data.length))])
}

function writeName(block: Buffer, name: BinaryPath): boolean {
  if (writeText(block, name, 0, nameLength)) return true
  if (!isAscii(name)) return false
  // the split falls on the first slash that leaves the name short enough; the name must not become empty
  const cut = name.indexOf('/', Math.max(1, name.length - nameLength - 1))
  if (cut < 1 || cut > prefixLength || cut >= name.length - 1) return false
  block.fill(0, 0, nameLength)
  block.write(name.slice(cut + 1), 0, nameLength, 'latin1')
  block.write(name.slice(0, cut), 345, prefixLength, 'latin1')
  return true
}

function writeText(block: Buffer, text: string, offset: number, length: number): boolean {
  const fits = text.length <= length && isAscii(text)
  // where it does not fit, a reader without pax at least shows something
  block.write(fits ? text : onlyAscii(text).slice(0, length), offset, length, 'latin1')
  return fits
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII is meant
const onlyAscii = (text: string) => text.replace(/[^\x00-\x7f]/g, '')

// `=` would end the key; GNU tar escapes it in this way
const escapeKey = (name: string) => toBinary(name).replaceAll('%', '%25').replaceAll('=', '%3D')

function floorSeconds(ns: bigint): bigint {
  const seconds = ns / 1_000_000_000n
  return ns < 0n && seconds * 1_000_000_000n !== ns ? seconds - 1n : seconds
}
