import { expandWord, expandWords, ParseError } from '@tsbuild/parser'
import { tests } from '@tsbuild/testkit'
import fc from 'fast-check'
import * as assert from 'uvu/assert'

const env = new Map([
  ['A', 'one'],
  ['EMPTY', ''],
  ['PATHS', 'a/b/c.tar.gz'],
  ['SPACED', 'x  y'],
  ['LINES', 'k1\nk2'],
])

const words: Record<string, string> = {
  plain: 'plain',
  'a\\ b': 'a b',
  "'$A'": '$A',
  '"$A \\$A \\x"': 'one $A \\x',
  $A: 'one',
  '${A}s$': 'ones$',
  $MISSING: '',
  '${MISSING-x}${EMPTY-x}': 'x',
  '${MISSING:-x}${EMPTY:-y}': 'xy',
  '${A+x}${EMPTY+y}${MISSING+z}': 'xy',
  '${A:+x}${EMPTY:+y}': 'x',
  '${A?no}${EMPTY?no}': 'one',
  '${MISSING:-${A:-b}}': 'one',
  '${PATHS#*/}': 'b/c.tar.gz',
  '${PATHS##*/}': 'c.tar.gz',
  '${PATHS%.*}': 'a/b/c.tar',
  '${PATHS%%.*}': 'a/b/c',
  '${PATHS/\\//-}': 'a-b/c.tar.gz',
  '${PATHS//\\//-}': 'a-b-c.tar.gz',
  '${PATHS//b*c/X}': 'a/X.tar.gz',
  '${PATHS/?\\//}': 'b/c.tar.gz',
  '${A//n/[$0]}': 'o[]e',
  '${A//n/[\\$0]}': 'o[\\n]e',
  '${LINES#k*2}': 'k1\nk2',
  '${A#${A%ne}}': 'ne',
  'x\'y\'"z"': 'xyz',
  '\\': '',
  $1x: 'x',
  '<< x': '<< x',
}

const bad: Record<string, RegExp> = {
  "a'b": /looking for matching single-quote/,
  '"a': /looking for matching double-quote/,
  '${A': /missing '}'|unsupported modifier/,
  '${': /missing '}'/,
  '${}': /bad substitution/,
  '${:x}': /bad substitution/,
  '${A:x}': /unsupported modifier \(:x\)/,
  '${A:#x}': /unsupported modifier \(:#\)/,
  '${A!x}': /unsupported modifier \(!\)/,
  '${A/x}': /missing '\/' in/,
  '${A#\\x}': /invalid pattern \(\\x\) in substitution/,
  '${MISSING?is needed}': /MISSING: is needed/,
  '${EMPTY:?}': /EMPTY: is not allowed to be empty/,
  '${MISSING?}': /MISSING: is not allowed to be unset/,
}

tests('expandWord', (test) => {
  for (const [word, expected] of Object.entries(words)) {
    test(`expandWord() turns ${JSON.stringify(word)} into ${JSON.stringify(expected)}`, () => {
      assert.is(expandWord(word, env).value, expected)
    })
  }
  for (const [word, why] of Object.entries(bad)) {
    test(`expandWord() refuses ${JSON.stringify(word)}`, () => {
      assert.throws(
        () => expandWord(word, env),
        (error: unknown) => error instanceof ParseError && error.code === 'EXPANSION_FAILED' && why.test(error.message),
      )
    })
  }
  test('expandWord() tells which names it found and which not', () => {
    const { used, unmatched } = expandWord('$A ${B:-$C} ${A} $B', env)
    assert.equal([used, unmatched], [['A'], ['C', 'B']])
  })
  test('expandWord() leaves unset variables standing with skipUnset', () => {
    assert.is(expandWord('$A $B ${C} ${D:-x}', env, { skipUnset: true }).value, 'one $B ${C} ${D:-x}')
  })
  test('expandWord() keeps quotes and escapes when it is told to', () => {
    assert.is(expandWord(`"a"'b'\\c`, env, { rawQuotes: true, rawEscapes: true }).value, `"a"'b'\\c`)
    assert.is(expandWord(`it's $A \\$A`, env, { skipQuotes: true }).value, `it's one $A`)
  })
  test('expandWord() escapes with the backtick where that is the escape', () => {
    assert.is(expandWord('C:\\dir`$A `"', env, { escape: '`' }).value, 'C:\\dir$A "')
  })
  test('expandWords() splits what variables bring, and not what is quoted', () => {
    assert.equal(expandWords('a $SPACED "$SPACED" b\\ c  ', env).values, ['a', 'x', 'y', 'x  y', 'b c'])
    assert.equal(expandWords('80${NO:-81}90', env).values, ['808190'])
  })
  test('expandWord() gives text without special characters back', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[^\\'"$]*$/), (text) => {
        assert.is(expandWord(text, env).value, text)
      }),
    )
  })
  test('expandWord() undoes quoting in single quotes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        assert.is(expandWord(`'${text.replaceAll("'", `'\\''`)}'`, env).value, text)
      }),
    )
  })
  test('expandWord() cuts by ${x#} what a regular expression cuts', () => {
    const piece = fc.constantFrom('a', 'b', '*', '?')
    const property = fc.property(
      fc.array(piece),
      fc.stringMatching(/^[ab]*$/),
      fc.boolean(),
      (pieces, value, greedy) => {
        const source = pieces
          .map((char) => (char === '*' ? (greedy ? '.*' : '.*?') : char === '?' ? '.' : char))
          .join('')
        const expected = value.replace(new RegExp(`^${source}`), '')
        const word = `\${V#${greedy ? '#' : ''}${pieces.join('')}}`
        assert.is(expandWord(word, new Map([['V', value]])).value, expected)
      },
    )
    fc.assert(property)
  })
  test('expandWord() takes linear time for hostile patterns', () => {
    const value = 'a'.repeat(50_000)
    const start = performance.now()
    expandWord('${V##*a*a*a*a*b}${V//*a*a*b/x}${V%%*b*a*a}', new Map([['V', value]]))
    assert.ok(performance.now() - start < 3000)
  })
})
