import { type CanonicalValue, canonicalJson, type JsonValue, type NamedInput } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { cacheKeyOf, runIdOf, toRecordValue } from '../dist/cache-key.js'
import type { Op, Result } from '../dist/op.js'

/** Few and short texts with what an encoding of joined strings would trip over, so that near misses are frequent. */
const text = fc.string({ unit: fc.constantFrom('a', 's', '1', ':', ' ', '\u0000'), maxLength: 3 })
const value: fc.Arbitrary<CanonicalValue> = fc.oneof(
  fc.constant(null),
  text,
  fc.boolean(),
  fc.integer({ min: 0, max: 11 }),
  fc.array(text, { maxLength: 2 }),
  fc.dictionary(text, text, { maxKeys: 2 }),
)
const step = fc.record({
  kind: text,
  attributes: value,
  inputs: fc.array(fc.record({ name: text, value }), { maxLength: 3 }),
})

interface Step {
  readonly kind: string
  readonly attributes: CanonicalValue
  readonly inputs: readonly NamedInput[]
}

function keyOf({ kind, attributes, inputs }: Step): string {
  const op = { kind, attributes } as Op<Result>
  return cacheKeyOf(op, { inputs, madeOn: [] })
}

/** Moves a part of a step over to its neighbour, as an encoding that joins texts would not see. */
function shifted({ kind, attributes, inputs }: Step): Step[] {
  const [first, ...rest] = inputs
  if (first === undefined || first.name === '') return []
  const letter = first.name[0]!
  return [
    { kind: `${kind}${letter}`, attributes, inputs: [{ ...first, name: first.name.slice(1) }, ...rest] },
    { kind, attributes, inputs: [{ name: '', value: [first.name, first.value] }, ...rest] },
    { kind, attributes, inputs: rest },
    { kind, attributes: [attributes, first.name], inputs: rest },
    { kind, attributes, inputs: [...inputs, first] },
  ]
}

const same = (one: Step, two: Step) =>
  canonicalJson(one as unknown as JsonValue) === canonicalJson(two as unknown as JsonValue)

tests('cache keys', (test) => {
  test('cacheKeyOf() gives different inputs different keys, and equal ones the same', () => {
    fc.assert(
      fc.property(step, step, (one, two) => {
        assert.is(keyOf(one) === keyOf(two), same(one, two))
        for (const other of shifted(one)) assert.is(keyOf(one) === keyOf(other), same(one, other))
      }),
      { numRuns: 2000 },
    )
  })

  test('runIdOf() tells the results apart that a step stands on', () => {
    const ids = fc.array(text, { maxLength: 3 })
    fc.assert(
      fc.property(step, ids, ids, (one, a, b) => {
        const key = cacheKeyOf({ kind: one.kind, attributes: one.attributes } as Op<Result>, { inputs: [], madeOn: a })
        assert.is(runIdOf(key, a) === runIdOf(key, b), JSON.stringify(a) === JSON.stringify(b))
      }),
      { numRuns: 2000 },
    )
  })

  test('toRecordValue() writes bytes and big numbers as text', () => {
    assert.equal(toRecordValue({ a: 1n, b: new Uint8Array([1, 255]), c: [null, 'x'] }), {
      a: '1',
      b: 'hex:01ff',
      c: [null, 'x'],
    })
  })
})
