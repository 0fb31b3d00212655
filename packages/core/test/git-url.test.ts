import { CoreError } from '@tsbuild/core'
import { tests } from '@tsbuild/testkit'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { findRef } from '../dist/git/git-refs.js'
import { type GitSource, isGitUrl, parseGitUrl, redactGitUrl } from '../dist/git/git-url.js'

const host = 'https://host/repo.git'

const good: Record<string, Partial<GitSource>> = {
  [host]: { remote: host, ref: '', subdir: '', submodules: true, name: host },
  [`${host}#main`]: { ref: 'main' },
  [`${host}#main:a/b`]: { ref: 'main', subdir: 'a/b' },
  [`${host}#:/a/./b/`]: { ref: '', subdir: 'a/b' },
  [`${host}#a%20b:c%2Fd`.replace('a%20b', 'a-b')]: { ref: 'a-b', subdir: 'c/d' },
  [`${host}?ref=v1&subdir=docs`]: { remote: host, ref: 'v1', subdir: 'docs' },
  [`${host}?tag=v1`]: { ref: 'refs/tags/v1' },
  [`${host}?tag=refs/tags/v1`]: { ref: 'refs/tags/v1' },
  [`${host}?branch=x#refs/heads/x`]: { ref: 'refs/heads/x' },
  [`${host}?commit=abc1`]: { ref: 'abc1', checksum: 'abc1' },
  [`${host}?branch=b&checksum=abc1`]: { ref: 'refs/heads/b', checksum: 'abc1' },
  [`${host}?keep-git-dir&submodules=false`]: { keepGitDir: true, submodules: false },
  [`${host}?keep-git-dir=0`]: { keepGitDir: false },
  'https://me:p%40ss@host/repo.git#r': { remote: host, credentials: 'me:p@ss', name: `${host}#r` },
  'https://token@host/repo.git': { remote: host, credentials: 'token:', name: host },
  'git@host:a/b.git#v:d': { remote: 'git@host:a/b.git', ref: 'v', subdir: 'd' },
  'user@host.example:path': { remote: 'user@host.example:path' },
  'ssh://git@host:2222/a.git?tag=t': { remote: 'ssh://git@host:2222/a.git', ref: 'refs/tags/t' },
  'git://host/a': { remote: 'git://host/a' },
}

const bad: Record<string, RegExp> = {
  [`${host}?depth=1`]: /unexpected query "depth"/,
  [`${host}?ref=`]: /query "ref" has no value/,
  [`${host}?ref=a&ref=b`]: /several values/,
  [`${host}?ref=a#b`]: /ref conflicts/,
  [`${host}?tag=a&branch=a`]: /ref conflicts/,
  [`${host}?subdir=a#x:b`]: /subdir conflicts/,
  [`${host}?submodules=perhaps`]: /invalid submodules value/,
  [`${host}?checksum=xyz`]: /expected a hex commit hash/,
  [`${host}#-x`]: /no ref/,
  [`${host}#a..b`]: /no ref/,
  [`${host}#a%20b`]: /no ref/,
  [`${host}#a:../b`]: /leads out of the repository/,
  [`${host}#a:b/%2e%2e/%2e%2e`]: /leads out of the repository/,
}

tests('git URLs', (test) => {
  for (const [text, parts] of Object.entries(good)) {
    test(`parseGitUrl() takes ${text}`, () => {
      assert.ok(isGitUrl(text))
      const source = parseGitUrl(text)
      for (const [key, value] of Object.entries(parts)) assert.is(source[key as keyof GitSource], value, key)
    })
  }

  for (const [text, why] of Object.entries(bad)) {
    test(`parseGitUrl() refuses ${text}`, () => {
      assert.throws(
        () => parseGitUrl(text),
        (error: unknown) => error instanceof CoreError && error.code === 'GIT_URL_INVALID' && why.test(error.message),
      )
    })
  }

  test('isGitUrl() leaves paths, archives and other transports alone', () => {
    const others = [
      '',
      '.',
      'a/b.git',
      './git@host:x',
      'https://host/a.tar',
      'https://host/a.gitx',
      'https://h/?x=a.git',
    ]
    for (const text of [...others, 'file:///repo.git', 'ext::sh -c x', 'ext::a@b:c', 'host:path', 'C:\\x']) {
      assert.not(isGitUrl(text), text)
    }
  })

  test('redactGitUrl() leaves no password in any URL', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('http', 'https', 'ssh', 'git'),
        fc.stringMatching(/^[a-zA-Z0-9%!.:-]{8,20}$/),
        (scheme, word) => {
          assert.not(redactGitUrl(`${scheme}://user:${word}@host/x.git#main`).includes(word))
        },
      ),
    )
    assert.is(redactGitUrl('ssh://git@host/x'), 'ssh://git@host/x')
  })

  test('findRef() prefers a whole name, then a branch, then a tag, and peels tags', () => {
    const id = (digit: string) => digit.repeat(40)
    const output = [
      `ref: refs/heads/trunk\tHEAD`,
      `${id('1')}\tHEAD`,
      `${id('2')}\trefs/heads/both`,
      `${id('3')}\trefs/tags/both`,
      `${id('4')}\trefs/tags/both^{}`,
      `${id('5')}\trefs/tags/v1`,
      `${id('6')}\trefs/tags/v1^{}`,
      `${id('7')}\trefs/pull/1/head`,
      `${id('8')}\trefs/heads/other/v2`,
    ].join('\n')
    assert.equal(findRef(output, ''), { commit: id('1'), object: id('1'), ref: 'refs/heads/trunk' })
    assert.equal(findRef(output, 'both'), { commit: id('2'), object: id('2'), ref: 'refs/heads/both' })
    assert.equal(findRef(output, 'tags/both'), { commit: id('4'), object: id('3'), ref: 'refs/tags/both' })
    assert.equal(findRef(output, 'v1'), { commit: id('6'), object: id('5'), ref: 'refs/tags/v1' })
    assert.equal(findRef(output, 'pull/1/head'), { commit: id('7'), object: id('7'), ref: 'refs/pull/1/head' })
    assert.is(findRef(output, 'v2'), undefined)
    assert.is(findRef('', ''), undefined)
  })
})
