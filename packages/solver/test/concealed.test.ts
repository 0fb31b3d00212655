import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { concealValue, isConcealed, isConcealedName, isConcealedValue } from '../dist/concealed.js'

/** A name with parts hidden, another one, and whether it may be the same. */
const names: [concealed: string, text: string, fits: boolean][] = [
  ['RUN make ***', 'RUN make all', true],
  ['RUN make ***', 'RUN make ', true],
  ['RUN make ***', 'RUN test all', false],
  ['*** a ***', 'RUN a b', true],
  ['***', '', true],
  ['a***a', 'a', false],
  ['a***a', 'aa', true],
  ['a***b***c', 'a-b-c', true],
  ['a***b***c', 'a-c-b', false],
  ['a***b***b', 'a-b', false],
  ['a******b', 'a-b', true],
  ['ADD http://***@host/f?***', 'ADD http://u:p@host/f?a=1', true],
  ['ADD http://***@host/f?***', 'ADD http://host/f?a=1', false],
  ['RUN make', 'RUN make', false],
]

tests('concealed parts of records', (test) => {
  for (const [concealed, text, fits] of names) {
    test(`isConcealedName() of "${concealed}" and "${text}" is ${fits}`, () => {
      assert.is(isConcealedName(concealed, text), fits)
    })
  }

  test('concealValue() tells equal values, and conceals once', () => {
    for (const value of ['', 'a', 'a long value', ['a', 'b'], null, 1]) {
      const concealed = concealValue(value)
      assert.ok(isConcealed(concealed))
      assert.ok(isConcealedValue(concealed, value))
      assert.not.ok(isConcealedValue(concealed, ['other', value]))
      assert.not.ok(isConcealedValue(value, value))
      assert.equal(concealValue(concealed), concealed)
    }
  })
})
