import { hash } from 'node:crypto'
import { type Digest, digestFromHex } from './digest.js'
import { SpecError } from './errors.js'

/** What can stand in a cache key: JSON's values, bigint and bytes. */
export type CanonicalValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly CanonicalValue[]
  | { readonly [key: string]: CanonicalValue | undefined }

/** Encodes a value so that no two different values share an encoding: every item is a type letter, its length in bytes in
 * decimal, `:` and its bytes; lists and maps hold their encoded members; map keys are sorted; `undefined` members are absent.
 * Bytes are written as hex digits, and so are strings that are no well-formed Unicode.
 * @throws {SpecError} `CANONICAL_INVALID` for NaN and infinities */
export function encodeCanonical(value: CanonicalValue): Uint8Array {
  return Buffer.from(encode(value), 'utf8')
}

/** SHA-256 of {@link encodeCanonical}. */
export function canonicalDigest(value: CanonicalValue): Digest {
  return digestFromHex(hash('sha256', encode(value)))
}

function encode(value: CanonicalValue): string {
  if (value === null) return 'n0:'
  switch (typeof value) {
    case 'string':
      return text('s', value)
    case 'boolean':
      return value ? 't1:1' : 't1:0'
    case 'number':
      if (!Number.isFinite(value))
        throw new SpecError('CANONICAL_INVALID', `Cannot encode number "${value}": not finite`)
      return item('f', Object.is(value, -0) ? '0' : String(value))
    case 'bigint':
      return item('i', String(value))
  }
  if (value instanceof Uint8Array)
    return item('b', Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex'))
  let members = ''
  if (Array.isArray(value)) {
    for (const member of value) members += encode(member as CanonicalValue)
    return item('l', members)
  }
  const map = value as { readonly [key: string]: CanonicalValue | undefined }
  for (const key of Object.keys(map).sort()) {
    const member = map[key]
    if (member !== undefined) members += text('k', key) + encode(member)
  }
  return item('m', members)
}

/** Lone surrogates have no UTF-8, so such a string is written as the hex digits of its UTF-16 under an upper-case letter. */
function text(type: 's' | 'k', value: string): string {
  if (value.isWellFormed()) return item(type, value)
  return item(type.toUpperCase(), Buffer.from(value, 'utf16le').toString('hex'))
}

function item(type: string, data: string): string {
  return `${type}${Buffer.byteLength(data)}:${data}`
}
