import { compareBytes } from '../binary-path.js'

/** Raised by the codec; whoever knows the entry's name wraps it. */
export class TarFormatError extends Error {}

/** Longest extended header that is read: more than any name and set of xattrs that Linux can hold. */
export const maxExtendedHeader = 1024 * 1024

const newline = 0x0a
const space = 0x20
const equals = 0x3d

/** Encodes extended header records (POSIX pax, "pax Extended Header"), sorted by key; keys and values one character per byte. */
export function encodePax(records: ReadonlyMap<string, string>): Buffer {
  const keys = [...records.keys()].sort(compareBytes)
  return Buffer.from(keys.map((key) => encodeRecord(key, records.get(key) ?? '')).join(''), 'latin1')
}

function encodeRecord(key: string, value: string): string {
  const body = ` ${key}=${value}\n`
  let length = body.length + String(body.length).length
  if (String(length).length > String(body.length).length) length = body.length + String(length).length
  return `${length}${body}`
}

/** Decodes extended header records; an empty value is kept (it withdraws what came before).
 *  @throws {TarFormatError} where a record's length does not fit */
export function decodePax(data: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>()
  for (let at = 0; at < data.length; ) {
    const gap = data.indexOf(space, at)
    const digits = gap < 0 ? '' : data.toString('latin1', at, gap)
    if (!/^[0-9]{1,10}$/.test(digits)) throw new TarFormatError('a pax record has no length')
    const end = at + Number(digits)
    if (end > data.length || end <= gap + 1 || data[end - 1] !== newline) {
      throw new TarFormatError('the length of a pax record is wrong')
    }
    const equal = data.indexOf(equals, gap + 1)
    if (equal < 0 || equal >= end || equal === gap + 1) throw new TarFormatError('a pax record has no key')
    records.set(data.toString('latin1', gap + 1, equal), data.subarray(equal + 1, end - 1))
    at = end
  }
  return records
}

/** A pax time (decimal seconds, possibly negative or with a fraction) in nanoseconds; digits past the ninth are dropped towards the past.
 *  @throws {TarFormatError} */
export function decodePaxTime(text: string): bigint {
  const match = /^(-?)(\d{1,15})(?:\.(\d*))?$/.exec(text)
  if (match === null) throw new TarFormatError(`the pax time "${text.slice(0, 40)}" is not a number`)
  const [, sign, whole, fraction = ''] = match
  const nanos = BigInt(whole ?? 0) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, '0'))
  if (sign === '') return nanos
  return /[1-9]/.test(fraction.slice(9)) ? -nanos - 1n : -nanos
}

/** A pax number (uid, gid, size). @throws {TarFormatError} */
export function decodePaxNumber(key: string, text: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value)) throw new TarFormatError(`the pax ${key} "${text.slice(0, 40)}" is out of range`)
  return value
}
