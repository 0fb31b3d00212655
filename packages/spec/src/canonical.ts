import { createHash } from 'node:crypto'
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

/** Encodes a value so that no two different values share an encoding: every item is a type letter, its length in
 * decimal, `:` and its bytes; lists and maps hold their encoded members; map keys are sorted; `undefined` members are absent.
 * @throws {SpecError} `CANONICAL_INVALID` for NaN and infinities */
export function encodeCanonical(value: CanonicalValue): Uint8Array {
  return Buffer.concat(parts(value))
}

/** SHA-256 of {@link encodeCanonical}. */
export function canonicalDigest(value: CanonicalValue): Digest {
  const hash = createHash('sha256')
  for (const part of parts(value)) hash.update(part)
  return digestFromHex(hash.digest('hex'))
}

function parts(value: CanonicalValue): Uint8Array[] {
  if (value === null) return [item('n', '')]
  if (value instanceof Uint8Array) return [item('b', value)]
  switch (typeof value) {
    case 'boolean':
      return [item('t', value ? '1' : '0')]
    case 'number':
      if (!Number.isFinite(value)) throw new SpecError('CANONICAL_INVALID', `Cannot encode number "${value}": not finite`)
      return [item('f', Object.is(value, -0) ? '0' : String(value))]
    case 'bigint':
      return [item('i', String(value))]
    case 'string':
      return [item('s', value)]
  }
  const members: Uint8Array[] = []
  if (Array.isArray(value)) {
    for (const member of value) members.push(...parts(member as CanonicalValue))
    return [head('l', members), ...members]
  }
  const map = value as { readonly [key: string]: CanonicalValue | undefined }
  for (const key of Object.keys(map).sort()) {
    const member = map[key]
    if (member !== undefined) members.push(item('k', key), ...parts(member))
  }
  return [head('m', members), ...members]
}

function item(type: string, data: string | Uint8Array): Uint8Array {
  const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') : data
  return Buffer.concat([Buffer.from(`${type}${bytes.length}:`), bytes])
}

function head(type: string, members: readonly Uint8Array[]): Uint8Array {
  return Buffer.from(`${type}${members.reduce((sum, member) => sum + member.length, 0)}:`)
}
