import { createIgnore, hasGlob, matchGlob, ParseError, parseIgnoreFile } from '@tsbuild/parser'
import { tests } from '@tsbuild/testkit'
import fc from 'fast-check'
import * as assert from 'uvu/assert'

const matches: readonly [patterns: string, path: string, ignored: boolean][] = [
  ['node_modules', 'node_modules/a/b', true],
  ['node_modules', 'src/node_modules', false],
  ['**/node_modules', 'src/node_modules/x', true],
  ['*.log', 'a.log', true],
  ['*.log', 'd/a.log', false],
  ['a?c', 'abc', true],
  ['a?c', 'a/c', false],
  ['a?c', 'a🚀c', true],
  ['dir/**', 'dir/a/b', true],
  ['dir/**', 'dir', false],
  ['**', 'anything/at/all', true],
  ['**a', 'x/ya', true],
  ['a**', 'ab/c', true],
  ['a/**/z', 'a/z', true],
  ['a/**/z', 'a/b/c/z', true],
  ['**/*.txt', 'a.txt', true],
  ['[ab].c', 'b.c', true],
  ['[^ab].c', 'b.c', false],
  ['(a|b)', 'a', false],
  ['(a|b)', '(a|b)', true],
  ['{a,b}', 'a', false],
  ['a\\*', 'a*', true],
  ['a\\*', 'ab', false],
  ['.*', '.env', true],
  ['*', '.env', true],
  ['./a/../b/', 'b/c', true],
  ['docs !docs/README.md', 'docs/README.md', false],
  ['docs !docs/README.md', 'docs/other.md', true],
  ['!a *', 'a', true],
  ['* !a a/b', 'a/b/c', true],
  ['* !a a/b', 'a/c', false],
]

tests('createIgnore', (test) => {
  for (const [patterns, path, ignored] of matches) {
    test(`createIgnore() ${ignored ? 'ignores' : 'keeps'} ${path} with ${patterns}`, () => {
      const ignore = createIgnore(patterns.split(' '))
      assert.is(ignore.matches(path), ignored)
      assert.is(ignore.matches(path), ignored)
    })
  }
  for (const pattern of ['[', 'a[', '[]a]', '[a-]', 'a\\', '!']) {
    test(`createIgnore() refuses ${pattern}`, () => {
      assert.throws(
        () => createIgnore([pattern]),
        (error: unknown) => error instanceof ParseError && error.code === 'PATTERN_INVALID',
      )
    })
  }
  test('createIgnore() refuses a reversed range each time that it is used', () => {
    const ignore = createIgnore(['[z-a]'])
    assert.throws(() => ignore.matches('x'), /syntax error in pattern/)
    assert.throws(() => ignore.matches('x'), /syntax error in pattern/)
  })

  const skips: readonly [patterns: string, directory: string, skip: boolean][] = [
    ['node_modules', 'node_modules', true],
    ['node_modules', 'src', false],
    ['a !b', 'a', true],
    ['a !a/b', 'a', false],
    ['a !a/b', 'a/c', true],
    ['a !**/keep', 'a', false],
    ['* !src src/node_modules', 'src/node_modules', true],
    ['* !src/*/x', 'src', false],
    ['* !src/*/x', 'other', true],
  ]
  for (const [patterns, directory, skip] of skips) {
    test(`canSkipDirectory() ${skip ? 'skips' : 'enters'} ${directory} with ${patterns}`, () => {
      assert.is(createIgnore(patterns.split(' ')).canSkipDirectory(directory), skip)
    })
  }
  const part = fc.constantFrom('a', 'b', 'ab', '.c')
  const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
  const pattern = fc
    .tuple(
      fc.boolean(),
      fc.array(fc.constantFrom('a', 'b', 'ab', '*', '**', 'a*', '?b', '[ab]'), { minLength: 1, maxLength: 4 }),
    )
    .map(([exception, parts]) => (exception ? '!' : '') + parts.join('/'))
  test('canSkipDirectory() never skips what holds a kept path', () => {
    const property = fc.property(fc.array(pattern, { maxLength: 5 }), path, path, (patterns, directory, below) => {
      const ignore = createIgnore(patterns)
      if (ignore.canSkipDirectory(directory)) assert.ok(ignore.matches(`${directory}/${below}`))
    })
    fc.assert(property, { numRuns: 2000 })
  })
  test('createIgnore() decides as the definition does: the last pattern that matches the path or one above', () => {
    const source = (text: string): string =>
      text
        .replace(/[.+]/g, '\\$&')
        .replace(/\*\*\/?$/, '§')
        .replace(/\*\*\/?/g, '¤')
        .replace(/\*/g, '[^/]*')
        .replace(/¤/g, '(?:.*/)?')
        .replace('§', '.*')
    const property = fc.property(
      fc.array(
        pattern.filter((text) => !text.includes('?')),
        { maxLength: 5 },
      ),
      path,
      (patterns, file) => {
        const above = file.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/'))
        let ignored = false
        for (const text of patterns) {
          const regexp = new RegExp(`^${source(text.replace('!', ''))}$`)
          if (above.some((candidate) => regexp.test(candidate))) ignored = !text.startsWith('!')
        }
        assert.is(createIgnore(patterns).matches(file), ignored)
      },
    )
    fc.assert(property, { numRuns: 2000 })
  })
  test('createIgnore() is fast: 20,000 paths by 20 patterns', () => {
    const patterns =
      'node_modules *.log **/*.tmp dist .git **/.DS_Store build/** *.md !README.md docs/* **/test/** coverage tmp/* *.sw? .env* vendor/**/x a/b/c foo*bar **/cache *.py[co]'
    const paths = Array.from({ length: 20_000 }, (_, index) => `src/p${index % 200}/d${index % 10}/file${index}.ts`)
    const times = Array.from({ length: 5 }, () => {
      const ignore = createIgnore(patterns.split(' '))
      const before = process.cpuUsage()
      for (const file of paths) ignore.matches(file)
      return process.cpuUsage(before).user / 1000
    })
    assert.ok(Math.min(...times) < 100, `${Math.min(...times)} ms`)
  })
  test('parseIgnoreFile() cleans patterns', () => {
    const text = '\ufeff# comment\r\n /a/b/ \r\n\r\n  ! /c \n #not\n/\n!\n'
    assert.equal(parseIgnoreFile(text), ['a/b', '!c', '#not', '/', '!'])
  })
})

const globs: readonly [pattern: string, name: string, result: boolean][] = [
  ['*', 'a', true],
  ['*', 'a/b', false],
  ['*', '', true],
  ['a*b*c', 'axxbyyc', true],
  ['a*b*c', 'axxbyy', false],
  ['*/x', 'a/x', true],
  ['[a-c]?', 'b.', true],
  ['[^a]', '/', false],
  ['\\*', '*', true],
  ['?', 'é', true],
]

tests('matchGlob', (test) => {
  for (const [pattern, name, result] of globs) {
    test(`matchGlob() ${result ? 'matches' : 'does not match'} ${name} with ${pattern}`, () => {
      assert.is(matchGlob(pattern, name), result)
    })
  }
  for (const pattern of ['[', '[]', '[-x]', '[a-b-c]', 'a\\', 'x[a']) {
    test(`matchGlob() refuses ${pattern} whatever the name`, () => {
      assert.throws(() => matchGlob(pattern, 'zzz'), /syntax error in pattern/)
    })
  }
  test('matchGlob() takes no exponential time', () => {
    const start = performance.now()
    assert.not(matchGlob(`${'a*'.repeat(30)}b`, 'a'.repeat(5000)))
    assert.ok(performance.now() - start < 1000)
  })
  test('hasGlob() answers whether there is something to match', () => {
    assert.equal(['a*', '[a]', '?', 'a\\b', 'a.b{c}'].map(hasGlob), [true, true, true, true, false])
  })
})
