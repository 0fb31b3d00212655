import { ExporterError } from '../errors.js'

export const blockBytes = 512

/** What a member of an archive is; `other` is what has no place in an archive of images: devices, pipes, global headers. */
export type TarMemberKind = 'file' | 'directory' | 'hardlink' | 'symlink' | 'other'

/** A header block, or what extends the next one: GNU's long names and POSIX' records. */
export interface TarHeader {
  readonly kind: TarMemberKind | 'longName' | 'longLink' | 'records'
  readonly name: string
  readonly linkName: string
  readonly size: number
}

const kinds: Readonly<Record<string, TarHeader['kind']>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '5': 'directory',
  L: 'longName',
  K: 'longLink',
  x: 'records',
}

/** Reads a header block (POSIX ustar, GNU and the format before both); `undefined` for a block of zeros, the archive's end.
 * @throws {ExporterError} `STREAM_INVALID` */
export function parseTarHeader(block: Uint8Array): TarHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined
  if (number(block, 148, 8) !== checksum(block)) throw invalid('a header has the wrong checksum')
  const name = text(block, 0, 100)
  const isUstar = text(block, 257, 6) === 'ustar' && block[263] === 0x30
  const prefix = isUstar ? text(block, 345, 155) : ''
  const kind = kinds[String.fromCharCode(block[156] ?? 0)] ?? 'other'
  const size = number(block, 124, 12)
  if (!Number.isSafeInteger(size) || size < 0) throw invalid('a member has no valid size')
  return {
    kind: kind === 'file' && name.endsWith('/') ? 'directory' : kind,
    name: prefix === '' ? name : `${prefix}/${name}`,
    linkName: text(block, 157, 100),
    // Links and directories have no data, whatever they say.
    size: kind === 'hardlink' || kind === 'symlink' || kind === 'directory' ? 0 : size,
  }
}

/** POSIX' records: `<length> <key>=<value>\n`.
 * @throws {ExporterError} `STREAM_INVALID` */
export function parseTarRecords(data: Buffer): ReadonlyMap<string, string> {
  const records = new Map<string, string>()
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(0x20, at)
    const length = Number(data.toString('latin1', at, space))
    const end = at + length
    const equals = data.indexOf(0x3d, space)
    if (space < 0 || !Number.isSafeInteger(length) || end > data.length || equals < 0 || equals >= end)
      throw invalid('an extended header is malformed')
    records.set(data.toString('utf8', space + 1, equals), data.toString('utf8', equals + 1, end - 1))
    at = end
  }
  return records
}

/** Octal digits, or base 256 where the first bit is set. */
function number(block: Uint8Array, start: number, length: number): number {
  const field = Buffer.from(block.buffer, block.byteOffset + start, length)
  if ((field[0] ?? 0) < 0x80) return Number.parseInt(field.toString('latin1').replace(/[\0 ].*$/s, '') || '0', 8)
  return field.subarray(1).reduce((value, byte) => value * 256 + byte, (field[0] ?? 0) & 0x7f)
}

function text(block: Uint8Array, start: number, length: number): string {
  const field = Buffer.from(block.buffer, block.byteOffset + start, length)
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end < 0 ? length : end)
}

/** The sum of all bytes, those of the sum itself taken as spaces. */
function checksum(block: Uint8Array): number {
  let sum = 0
  for (const [at, byte] of block.entries()) sum += at >= 148 && at < 156 ? 0x20 : byte
  return sum
}

function invalid(state: string): ExporterError {
  return new ExporterError('STREAM_INVALID', `Cannot read tar: ${state}`)
}
