import { type CanonicalValue, canonicalDigest, type Digest, type JsonValue } from '@tsbuild/spec'
import type { CacheKeyParts, Op, Result, Solved } from './op.js'

/** The cache key of a step with these named inputs. `madeOn` is no part of it: one key may have a record for each base. */
export function cacheKeyOf<R extends Result>(op: Op<R>, parts: CacheKeyParts): Digest {
  return canonicalDigest({
    kind: op.kind,
    attributes: op.attributes,
    inputs: parts.inputs.map(({ name, value }) => ({ name, value })),
  })
}

/** The key that stands for the result of a step that is never cached: its op on the keys of its inputs. */
export function uncachedKeyOf<R extends Result>(op: Op<R>, inputs: readonly Solved<R>[]): Digest {
  return canonicalDigest({
    kind: op.kind,
    attributes: op.attributes,
    uncached: true,
    inputs: inputs.map((input) => input.key),
  })
}

/** Names what may be shared: one key on one set of results. */
export function runIdOf(key: Digest, madeOn: readonly string[]): Digest {
  return canonicalDigest([key, madeOn])
}

export function sameIds(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id, index) => id === b[index])
}

/** A named input as a record keeps it: bytes as `hex:<digits>`, bigints in decimal. */
export function toRecordValue(value: CanonicalValue): JsonValue {
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) return `hex:${Buffer.from(value).toString('hex')}`
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map((item) => toRecordValue(item as CanonicalValue))
  const members: Record<string, JsonValue> = {}
  for (const [key, member] of Object.entries(value as { readonly [key: string]: CanonicalValue | undefined })) {
    if (member !== undefined) members[key] = toRecordValue(member)
  }
  return members
}
