import { tests } from '@tsbuild/testkit'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { cleanPath, showPath, toBinary, toText } from '../dist/files/binary-path.js'
import { parseChmod } from '../dist/files/chmod.js'
import { resolvePath } from '../dist/files/resolve-path.js'
import { hasWildcard, splitPattern } from '../dist/files/wildcards.js'

const file = 0o100000
const directory = 0o040000

/** Links by path; everything else is a directory. */
function linkTree(links: Readonly<Record<string, string>>) {
  return {
    lstat: (path: string) => ({ mode: path in links ? 0o120777 : 0o040755 }),
    readLink: (path: string) => links[path] ?? '',
  }
}

tests('files: parts', (test) => {
  const modes: readonly (readonly [text: string, before: number, after: number])[] = [
    ['755', file | 0o600, 0o755],
    ['0', file | 0o644, 0],
    ['4711', file | 0o644, 0o4711],
    ['u+x', file | 0o644, 0o744],
    ['+x', file | 0o644, 0o755],
    ['a=r', file | 0o777, 0o444],
    ['go-rwx', file | 0o777, 0o700],
    ['u=rwX,go=rX', file | 0o600, 0o644],
    ['u=rwX,go=rX', directory | 0o700, 0o755],
    ['a+X', file | 0o610, 0o711],
    ['g=u', file | 0o640, 0o660],
    ['u+s,g+s', file | 0o755, 0o6755],
    ['u-s', file | 0o4755, 0o755],
    ['+t', directory | 0o777, 0o1777],
    ['u=rw,g+r-w', file | 0o020, 0o640],
    ['=', file | 0o755, 0],
  ]
  for (const [text, before, after] of modes) {
    test(`parseChmod("${text}") makes ${after.toString(8)} of ${before.toString(8)}`, () => {
      assert.is(parseChmod(text).apply(before).toString(8), after.toString(8))
    })
  }
  for (const text of ['', '8', '17777', 'u', 'u+q', 'u+x,', 'x+u', '-1x', 'u=rw g=r']) {
    test(`parseChmod() rejects "${text}"`, () => {
      assert.throws(
        () => parseChmod(text),
        (error: Error & { code: string }) => error.code === 'COPY_INVALID',
      )
    })
  }

  const paths: Readonly<Record<string, string>> = {
    '': '',
    '/': '',
    './a//b/': 'a/b',
    '../../a': 'a',
    '/a/../../b/./c': 'b/c',
    'a/b/..': 'a',
  }
  for (const [path, clean] of Object.entries(paths)) {
    test(`cleanPath("${path}") is "${clean}"`, () => assert.is(cleanPath(path), clean))
  }
  test('cleanPath() never leads out, and cleaning twice changes nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('..', '.', '', 'a', 'b')), (parts) => {
        const clean = cleanPath(parts.join('/'))
        assert.is(cleanPath(clean), clean)
        assert.not(clean.split('/').includes('..'))
      }),
    )
  })

  const links = {
    abs: '/real',
    'd/up': '../../../real',
    chain: 'abs/x',
    'real/x': '../d',
    dangling: '/no/where',
    same: '.',
  }
  const resolved: Readonly<Record<string, string>> = {
    'abs/f': 'real/f',
    'd/up/f': 'real/f',
    chain: 'd',
    'chain/up': 'real',
    dangling: 'no/where',
    'abs/../f': 'f',
    'same/same/d': 'd',
  }
  for (const [path, expected] of Object.entries(resolved)) {
    test(`resolvePath("${path}") is "${expected}"`, () => assert.is(resolvePath(linkTree(links), path), expected))
  }
  test('resolvePath() gives up on a circle', () => {
    assert.throws(() => resolvePath(linkTree({ a: 'b', b: 'a' }), 'a/x'), /"\/a\/x": too many links/)
  })

  test('toBinary() and toText() are inverse, also beyond ASCII', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => assert.is(toText(toBinary(text)), text)))
    assert.is(showPath(toBinary('ä\n')), '/ä\\x0a')
  })

  const patterns: readonly (readonly [source: string, base: string, globs: readonly string[]])[] = [
    ['a/b', 'a/b', []],
    ['/a/*.c', 'a', ['*.c']],
    ['a/[bc]/d/?', 'a', ['[bc]', 'd', '?']],
    ['*', '', ['*']],
    ['.', '', []],
  ]
  for (const [source, base, globs] of patterns) {
    test(`splitPattern("${source}") splits before the first wildcard`, () => {
      assert.equal(splitPattern(source), { base, globs })
    })
  }
  test('hasWildcard() knows escapes', () => {
    for (const text of ['*', 'a?', '[a]', 'a\\\\*']) assert.ok(hasWildcard(text), text)
    for (const text of ['', 'a', '\\*', 'a\\[b]', 'a\\']) assert.not(hasWildcard(text), text)
  })
})
