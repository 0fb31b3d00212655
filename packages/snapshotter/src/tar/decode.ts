import type { BinaryPath } from '../binary-path.js'
import type { TarEntry, TarEntryType } from './entry.js'
import { checksumMatches, decodeNumber } from './numbers.js'
import { decodePaxNumber, decodePaxTime, TarFormatError } from './pax.js'

/** A header block, fields as they stand. */
export interface RawHeader {
  readonly typeFlag: string
  readonly name: BinaryPath
  readonly linkName: BinaryPath
  readonly size: number
  readonly block: Buffer
}

/** What came before an entry: pax records, and GNU's long names. */
export interface Extensions {
  readonly pax: ReadonlyMap<string, Buffer>
  readonly longName?: BinaryPath
  readonly longLink?: BinaryPath
}

const entryTypes: Record<string, TarEntryType> = {
  '\0': 'file',
  '0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  '6': 'fifo',
  '7': 'file',
}

/** @throws {TarFormatError} */
export function decodeRaw(block: Buffer): RawHeader {
  if (!checksumMatches(block)) throw new TarFormatError('the checksum of its header is wrong')
  const ustar = block.toString('latin1', 257, 263) === 'ustar\0'
  const prefix = ustar ? text(block, 345, 155) : ''
  const name = text(block, 0, 100)
  return {
    typeFlag: block.toString('latin1', 156, 157),
    name: prefix === '' ? name : `${prefix}/${name}`,
    linkName: text(block, 157, 100),
    size: decodeNumber(block, 124, 12),
    block,
  }
}

function text(block: Buffer, offset: number, length: number): BinaryPath {
  const zero = block.indexOf(0, offset)
  return block.toString('latin1', offset, zero < 0 ? offset + length : Math.min(zero, offset + length))
}

/** Puts a header and what came before it together.
 *  @throws {TarFormatError} for types that no layer may have, sparse files and numbers out of range */
export function decodeEntry(raw: RawHeader, { pax, longName, longLink }: Extensions): TarEntry {
  const record = (key: string) => {
    const value = pax.get(key)
    return value === undefined || value.length === 0 ? undefined : value.toString('latin1')
  }
  rejectSparse(raw, pax)
  const named = record('path') ?? longName ?? raw.name
  const type = typeOf(raw.typeFlag, named)
  const name = named.replace(/\/+$/, '')
  const linkName = type === 'hardlink' || type === 'symlink' ? (record('linkpath') ?? longLink ?? raw.linkName) : ''
  if (named === '' || named.includes('\0') || linkName.includes('\0'))
    throw new TarFormatError('its name is not usable')
  const number = (key: string, offset: number, length: number) => {
    const value = record(key)
    return value === undefined ? decodeNumber(raw.block, offset, length) : decodePaxNumber(key, value)
  }
  const device = type === 'character-device' || type === 'block-device'
  const mtime = record('mtime')
  return {
    name: name === '' ? '/' : name,
    type,
    mode: decodeNumber(raw.block, 100, 8) & 0o7777,
    uid: checkId('uid', number('uid', 108, 8)),
    gid: checkId('gid', number('gid', 116, 8)),
    size: type === 'file' ? checkSize(number('size', 124, 12)) : 0,
    mtimeNs: mtime === undefined ? BigInt(decodeNumber(raw.block, 136, 12)) * 1_000_000_000n : decodePaxTime(mtime),
    linkName,
    deviceMajor: device ? checkDevice(decodeNumber(raw.block, 329, 8), 0xfff) : 0,
    deviceMinor: device ? checkDevice(decodeNumber(raw.block, 337, 8), 0xfffff) : 0,
    xattrs: xattrsOf(pax),
  }
}

function typeOf(flag: string, name: BinaryPath): TarEntryType {
  const type = entryTypes[flag]
  if (type === undefined) throw new TarFormatError(`entries of type ${JSON.stringify(flag)} are not supported`)
  // writers older than POSIX have no flag for directories
  return type === 'file' && name.endsWith('/') ? 'directory' : type
}

function rejectSparse(raw: RawHeader, pax: ReadonlyMap<string, Buffer>): void {
  const sparse = raw.typeFlag === 'S' || [...pax.keys()].some((key) => key.startsWith('GNU.sparse.'))
  if (sparse) throw new TarFormatError('sparse files are not supported in a layer')
}

function xattrsOf(pax: ReadonlyMap<string, Buffer>): Map<string, Buffer> {
  const prefix = 'SCHILY.xattr.'
  const xattrs = new Map<string, Buffer>()
  for (const [key, value] of pax) {
    if (!key.startsWith(prefix)) continue
    const escaped = Buffer.from(key.slice(prefix.length), 'latin1').toString('utf8')
    const name = escaped.replaceAll('%3D', '=').replaceAll('%25', '%')
    if (name === '' || name.includes('\0')) throw new TarFormatError('the name of an extended attribute is not usable')
    xattrs.set(name, value)
  }
  return xattrs
}

function checkId(key: string, id: number): number {
  // the last id means "leave as it is" to the kernel
  if (id < 0 || id > 0xff_ff_ff_fe) throw new TarFormatError(`its ${key} ${id} is out of range`)
  return id
}

function checkSize(size: number): number {
  if (size < 0) throw new TarFormatError('its size is negative')
  return size
}

function checkDevice(number: number, max: number): number {
  if (number < 0 || number > max) throw new TarFormatError(`its device number ${number} is out of range`)
  return number
}
