import { type CacheRecord, canonicalJson, type Digest, type JsonValue, type MissCause } from '@tsbuild/spec'
import { toRecordValue } from './cache-key.js'
import { isConcealed, isConcealedName, isConcealedValue, isKeyOnly } from './concealed.js'
import { visibleInputs } from './graph.js'
import type { KnownRecords } from './look-up.js'
import type { CacheKeyParts, Difference, Result } from './op.js'
import type { Vertex } from './vertex.js'

/** What became of a step, as far as explanations of its users need it. */
export interface Outcome {
  readonly key?: Digest
  readonly parts?: CacheKeyParts
  readonly miss?: MissCause
}

/** A step that has to run. */
export interface Miss<R extends Result> {
  readonly vertex: Vertex<R>
  /** Absent where the key can't be told. */
  readonly key?: Digest
  readonly parts?: CacheKeyParts
  /** Of the steps that the vertex stands on, near and far. */
  readonly outcomeOf: (vertex: Vertex<R>) => Outcome | undefined
}

const never: MissCause = { kind: 'noRecord' }

/** Finds the one cause for which a step has to run: the first of its inputs, in their order, that differs from the nearest record of
 * the same step. What is to be compared is looked up now; an op that explains late may word it after its run. */
export function explainMiss<R extends Result>(cache: KnownRecords, miss: Miss<R>): () => MissCause {
  const { vertex, key, parts } = miss
  if (key === undefined || parts === undefined) return now(inherited(miss) ?? never)
  if (cache.lookup(key).length > 0) return now(inherited(miss) ?? { kind: 'gone' })
  const tombstone = cache.tombstone(key)
  if (tombstone !== undefined) return now({ kind: 'pruned', at: tombstone.at, reason: tombstone.reason })
  const nearest = nearestOf(cache.nearest(vertex.step), vertex, parts)
  if (nearest === undefined) return now(changedBelow(miss) ?? never)
  const [first] = nearest.differing
  if (first === undefined) return now(otherInstruction(vertex, nearest.record))
  const from = vertex.inputs.find((input) => miss.outcomeOf(input)?.key === first.after)
  if (from !== undefined && first.after !== undefined) {
    return now(movedBase(cache, miss, from, first) ?? inherited(miss, from) ?? never)
  }
  return () => {
    const cause = vertex.op.explain?.(first) ?? plainCause(first)
    return cause.kind === 'instruction' && cause.before === undefined ? otherInstruction(vertex, first.record) : cause
  }
}

function now(cause: MissCause): () => MissCause {
  return () => cause
}

/** The step that began it: the first one below that ran for a reason of its own, else the one that the step stands on.
 * @param from the input that matters; default: the first that ran, else the first */
function inherited<R extends Result>(miss: Miss<R>, from?: Vertex<R>): MissCause | undefined {
  const { vertex, outcomeOf } = miss
  const begin = from === undefined ? vertex.inputs : [from]
  const queue = [...begin]
  const seen = new Set<Vertex<R>>()
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    if (seen.has(next)) continue
    seen.add(next)
    const cause = outcomeOf(next)?.miss
    if (cause?.kind === 'inherited') return cause
    if (cause !== undefined && next.hidden !== true) return { kind: 'inherited', step: next.digest, name: next.name }
    if (next.hidden) queue.push(...next.inputs)
  }
  const shown = begin.flatMap((input) => (input.hidden ? visible(input) : [input]))[0]
  return shown && { kind: 'inherited', step: shown.digest, name: shown.name }
}

function visible<R extends Result>(vertex: Vertex<R>): Vertex<R>[] {
  const wanted = new Set(visibleInputs(vertex))
  const queue = [...vertex.inputs]
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    if (wanted.has(next.digest)) return [next]
    queue.push(...next.inputs)
  }
  return []
}

/** A step without records that stands on one that ran for another reason than being new, was found under another number before. */
function changedBelow<R extends Result>(miss: Miss<R>): MissCause | undefined {
  const base = miss.vertex.inputs[0]
  const cause = base && miss.outcomeOf(base)?.miss
  return cause === undefined || cause.kind === 'noRecord' ? undefined : inherited(miss, base)
}

/** The step stands on an image that was there already, but is not the one that it stood on. */
function movedBase<R extends Result>(
  cache: KnownRecords,
  { outcomeOf }: Miss<R>,
  from: Vertex<R>,
  { before }: Difference,
): MissCause | undefined {
  const { parts, miss } = outcomeOf(from) ?? {}
  if (miss !== undefined || parts === undefined || typeof before !== 'string') return undefined
  const record = cache.lookup(before as Digest)[0]
  const first = record && record.kind === from.op.kind ? differences(record, parts)[0] : undefined
  const cause = first && from.op.explain?.(first)
  return cause?.kind === 'baseImage' ? cause : undefined
}

function otherInstruction<R extends Result>({ name }: Vertex<R>, record: CacheRecord): MissCause {
  const before = record.name === undefined ? undefined : instructionOf(record.name)
  const after = instructionOf(name)
  const same = before === undefined || before === after || isConcealedName(before, after)
  return same ? { kind: 'instruction' } : { kind: 'instruction', before, after }
}

/** `[build 2/5] RUN make` without what counts the steps. */
export function instructionOf(name: string): string {
  return name.replace(/^\[[^\]]*\] /, '')
}

function plainCause({ name, before, after }: Difference): MissCause {
  return { kind: 'option', name, ...changeOf(before, after) }
}

/** The values of a difference as a cause has them, as far as there are two and the record shows its own. */
export function changeOf(before: JsonValue | undefined, after: JsonValue | undefined) {
  const old = isConcealed(before)
    ? { concealed: true as const }
    : before === undefined
      ? {}
      : { before: shortText(before) }
  return { ...old, ...(after === undefined ? {} : { after: shortText(after) }) }
}

const shownLength = 200

/** A value as a cause shows it: of long ones the beginning. */
export function shortText(value: JsonValue): string {
  const text = typeof value === 'string' ? value : canonicalJson(value)
  return text.length > shownLength ? `${text.slice(0, shownLength)}…` : text
}

/** Of the records of a step the one with the fewest differences; the newest of several. */
function nearestOf<R extends Result>(records: readonly CacheRecord[], vertex: Vertex<R>, parts: CacheKeyParts) {
  let best: { readonly record: CacheRecord; readonly differing: readonly Difference[] } | undefined
  for (const record of records) {
    if (record.kind !== vertex.op.kind || isKeyOnly(record)) continue
    const differing = differences(record, parts)
    if (best === undefined || differing.length < best.differing.length) best = { record, differing }
  }
  return best
}

function differences(record: CacheRecord, parts: CacheKeyParts): Difference[] {
  const before = new Map(record.inputs.map(({ name, value }) => [name, value]))
  const out: Difference[] = []
  for (const { name, value } of parts.inputs) {
    const known = before.has(name) ? name : [...before.keys()].find((one) => isConcealedName(one, name))
    const old = known === undefined ? undefined : before.get(known)
    const after = toRecordValue(value)
    if (known !== undefined) before.delete(known)
    if (old === undefined) out.push({ name, after, record })
    else if (!isConcealedValue(old, after) && canonicalJson(old) !== canonicalJson(after))
      out.push({ name, before: old, after, record })
  }
  for (const [name, value] of before) out.push({ name, before: value, record })
  return out
}
