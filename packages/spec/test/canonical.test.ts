import {
  type CanonicalValue,
  canonicalDigest,
  canonicalJson,
  digestOf,
  encodeCanonical,
  hasCode,
  type JsonValue,
  parseJson,
} from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import fc from 'fast-check'
import * as assert from 'uvu/assert'

const leaf = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
  fc.bigInt(),
  // Characters that an encoding of joined strings would trip over.
  fc.string({ unit: fc.constantFrom('a', 's', '1', ':', '0', 'é', '\u0000'), maxLength: 4 }),
  fc.uint8Array({ maxLength: 4 }),
)
const { value } = fc.letrec<{ value: CanonicalValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'ab', ''), tie('value'), { maxKeys: 3 }),
  ),
}))

/** Another notation of the same value, by other means: two values are equal exactly when theirs are. */
function notation(item: CanonicalValue): string {
  if (item instanceof Uint8Array) return `bytes(${Buffer.from(item).toString('hex')})`
  if (Array.isArray(item)) return `[${(item as CanonicalValue[]).map(notation).join(', ')}]`
  if (item === null || typeof item !== 'object')
    return typeof item === 'bigint' ? `${item}n` : JSON.stringify(Object.is(item, -0) ? 0 : item)
  const members = Object.entries(item as Record<string, CanonicalValue | undefined>).filter(
    ([, member]) => member !== undefined,
  )
  return `{${members
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}: ${notation(member ?? null)}`)
    .join(', ')}}`
}

tests('canonical encoding', (test) => {
  test('encodeCanonical() gives the bytes worked out by hand', () => {
    const encoded = (item: CanonicalValue) => Buffer.from(encodeCanonical(item)).toString('latin1')
    assert.is(encoded(null), 'n0:')
    assert.is(encoded(['a', true, 1, 1n, Buffer.from('x')]), 'l21:s1:at1:1f1:1i1:1b2:78')
    assert.is(encoded({ b: 'é', a: undefined, aa: [] }), 'm17:k2:aal0:k1:bs2:\u00c3\u00a9')
    assert.is(encoded(-0), 'f1:0')
  })

  test('encodeCanonical() tells apart what joined strings would not', () => {
    const distinct: CanonicalValue[] = [
      ['a', 'b'],
      ['ab', ''],
      ['a', ['b']],
      'ab',
      ['ab'],
      [Buffer.from('a'), 'b'],
      { a: 'b' },
      [1],
      ['1'],
      [1n],
      [true],
      [],
      {},
      '',
      null,
      [null],
      'n0:',
      ['n0:'],
    ]
    assert.is(new Set(distinct.map((item) => canonicalDigest(item))).size, distinct.length)
  })

  test('encodeCanonical() gives equal bytes for equal values and no others', () => {
    fc.assert(
      fc.property(value, value, (one, two) => {
        const same = Buffer.from(encodeCanonical(one)).equals(encodeCanonical(two))
        assert.is(same, notation(one) === notation(two))
      }),
      { numRuns: 2000 },
    )
  })

  test('encodeCanonical() does not depend on the order of keys', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), leaf), (map) => {
        const reversed = Object.fromEntries(Object.entries(map).reverse())
        assert.is(canonicalDigest(map), canonicalDigest(reversed))
        assert.is(canonicalDigest(map), digestOf(encodeCanonical(map)))
        assert.is(canonicalDigest({ ...map, 'not there': undefined }), canonicalDigest(map))
      }),
    )
  })

  test('encodeCanonical() refuses numbers that are none', () => {
    for (const item of [Number.NaN, Number.POSITIVE_INFINITY, [Number.NEGATIVE_INFINITY]]) {
      assert.throws(
        () => encodeCanonical(item),
        (error: unknown) => hasCode(error, 'CANONICAL_INVALID'),
      )
    }
  })

  test('canonicalJson() gives one text for one value, which JSON reads back', () => {
    assert.is(
      canonicalJson({ b: [1, 'ü\n', null], a: { d: undefined, c: true } }),
      '{"a":{"c":true},"b":[1,"ü\\n",null]}',
    )
    fc.assert(
      fc.property(fc.jsonValue(), (item) => {
        const text = canonicalJson(item as JsonValue)
        assert.is(canonicalJson(JSON.parse(text) as JsonValue), text)
        assert.equal(JSON.parse(text), JSON.parse(JSON.stringify(item)))
      }),
    )
  })

  test('parseJson() names what it could not parse', () => {
    assert.equal(parseJson('{"a":[1]}', 'x'), { a: [1] })
    assert.throws(
      () => parseJson('{', 'index.json'),
      (error: unknown) => hasCode(error, 'JSON_INVALID') && /Cannot parse index\.json: /.test(error.message),
    )
  })
})
