import { type CacheRecord, type CacheStore, canonicalJson, type Digest, type JsonValue } from '@tsbuild/spec'
import { toRecordValue } from './cache-key.js'
import type { CacheKeyParts, Result, Solved } from './op.js'
import type { Vertex } from './vertex.js'

/** A step that has to run. */
export interface Miss<R extends Result> {
  readonly vertex: Vertex<R>
  readonly inputs: readonly Solved<R>[]
  readonly key: Digest
  readonly parts: CacheKeyParts
}

/** Names the one cause for which a step has to run: the first of its inputs, in their order, that differs from the nearest
 * record of the same step. */
export function explainMiss<R extends Result>(cache: CacheStore, { vertex, inputs, key, parts }: Miss<R>): string {
  const inherits = parts.inputs
    .filter(({ value }) => inputs.some((input) => input.key === value))
    .map(({ name }) => name)
  if (cache.lookup(key).length > 0) {
    return inherits[0] === undefined
      ? 'an earlier step ran again'
      : `${inherits[0]}: inherited — an earlier step ran again`
  }
  const nearest = nearestOf(cache.nearest(vertex.step), parts)
  if (nearest === undefined) return 'no record'
  const { record, differing } = nearest
  if (record.kind !== vertex.op.kind) return `instruction changed from ${record.kind} to ${vertex.op.kind}`
  const [first] = differing
  if (first === undefined) return 'instruction changed'
  if (inherits.includes(first.name)) return `${first.name}: inherited — an earlier step changed`
  return `${first.name} ${first.how}`
}

interface Difference {
  readonly name: string
  readonly how: 'changed' | 'added' | 'removed'
}

/** Of the records of a step the one with the fewest differences; the newest of several. */
function nearestOf(records: readonly CacheRecord[], parts: CacheKeyParts) {
  let best: { readonly record: CacheRecord; readonly differing: readonly Difference[] } | undefined
  for (const record of records) {
    const differing = differences(record, parts)
    if (best === undefined || differing.length < best.differing.length) best = { record, differing }
  }
  return best
}

function differences(record: CacheRecord, parts: CacheKeyParts): Difference[] {
  const before = new Map(record.inputs.map(({ name, value }) => [name, text(value)]))
  const out: Difference[] = []
  for (const { name, value } of parts.inputs) {
    const old = before.get(name)
    before.delete(name)
    if (old === undefined) out.push({ name, how: 'added' })
    else if (old !== text(toRecordValue(value))) out.push({ name, how: 'changed' })
  }
  for (const name of before.keys()) out.push({ name, how: 'removed' })
  return out
}

function text(value: JsonValue): string {
  return canonicalJson(value)
}
