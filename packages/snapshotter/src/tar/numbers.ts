import { TarFormatError } from './pax.js'

/** Reads a number field of a header: octal digits with spaces and NULs around them, or GNU's base-256 form.
 *  @throws {TarFormatError} for anything else, or beyond 2^53 */
export function decodeNumber(block: Buffer, offset: number, length: number): number {
  const first = block[offset] ?? 0
  if (first & 0x80) return decodeBase256(block, offset, length)
  let at = offset
  const end = offset + length
  while (at < end && (block[at] === 0x20 || block[at] === 0)) at++
  let value = 0
  for (; at < end; at++) {
    const byte = block[at] ?? 0
    if (byte === 0x20 || byte === 0) break
    if (byte < 0x30 || byte > 0x37) throw new TarFormatError('a number field is not octal')
    value = value * 8 + (byte - 0x30)
  }
  return safe(value)
}

function decodeBase256(block: Buffer, offset: number, length: number): number {
  const negative = ((block[offset] ?? 0) & 0x40) !== 0
  let value = 0
  for (let i = 0; i < length; i++) {
    let byte = block[offset + i] ?? 0
    if (negative) byte ^= 0xff
    if (i === 0) byte &= 0x7f
    value = value * 256 + byte
  }
  return safe(negative ? -value - 1 : value)
}

function safe(value: number): number {
  if (!Number.isSafeInteger(value)) throw new TarFormatError('a number field is out of range')
  return value
}

/** Writes `value` as `length - 1` octal digits and a NUL; whether it fitted (else zeros stand there). */
export function encodeOctal(block: Buffer, value: number, offset: number, length: number): boolean {
  const digits = value.toString(8)
  const fits = value >= 0 && digits.length < length
  const text = fits ? digits : ''
  const start = offset + length - 1 - text.length
  block.fill(zero, offset, start)
  for (let at = 0; at < text.length; at++) block[start + at] = text.charCodeAt(at)
  block[offset + length - 1] = 0
  return fits
}

const zero = 0x30
const checksumOffset = 148
const checksumLength = 8

/** Sum of a header's bytes with the checksum field taken as spaces. */
function checksum(block: Buffer): number {
  let sum = checksumLength * 0x20
  for (let i = 0; i < checksumOffset; i++) sum += block[i]!
  for (let i = checksumOffset + checksumLength; i < 512; i++) sum += block[i]!
  return sum
}

/** The same with signed bytes, as some historic writers have it. */
function signedChecksum(block: Buffer): number {
  const high = block.reduce((count, byte, at) => count + (inChecksum(at) ? 0 : byte >> 7), 0)
  return checksum(block) - 256 * high
}

const inChecksum = (at: number) => at >= checksumOffset && at < checksumOffset + checksumLength

/** Fills the checksum field: six octal digits, NUL, space. */
export function writeChecksum(block: Buffer): void {
  encodeOctal(block, checksum(block), checksumOffset, 7)
  block[checksumOffset + 7] = 0x20
}

/** Whether the checksum field is right. @throws {TarFormatError} where it is no number */
export function checksumMatches(block: Buffer): boolean {
  const stored = decodeNumber(block, checksumOffset, checksumLength)
  return stored === checksum(block) || stored === signedChecksum(block)
}
