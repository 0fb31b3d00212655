import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { SecretMask } from '../dist/ops/secret-mask.js'

function masked(secrets: string[], chunks: string[]): string {
  const mask = new SecretMask(secrets.map((text) => Buffer.from(text)))
  const shown = chunks.map((chunk) => mask.add('stdout', Buffer.from(chunk)))
  return Buffer.concat([...shown, mask.end('stdout')]).toString('utf8')
}

tests('secret mask', (test) => {
  test('SecretMask hides values wherever chunks are cut', () => {
    const text = 'a hunter2 b hunter hunter2hunter2 ünter2 hunt'
    for (let at = 0; at <= text.length; at++) {
      for (let next = at; next <= text.length; next++) {
        const chunks = [text.slice(0, at), text.slice(at, next), text.slice(next)]
        assert.is(masked(['hunter2'], chunks), 'a **** b hunter ******** ünter2 hunt')
      }
    }
  })

  test('SecretMask hides the longer of two values, whole files, and nothing for empty ones', () => {
    for (const chunks of [['x abcdef abcd'], ['x abcd', 'ef abcd'], ['x abcde', 'f abc', 'd']])
      assert.is(masked(['abcd', 'abcdef'], chunks), 'x **** ****')
    assert.is(masked(['abcd', 'abcdef'], ['x abcd', 'e']), 'x ****e')
    assert.is(masked(['line 1\nline 2\n'], ['line 1\n', 'line 2\nline 3\n']), '****\nline 3\n')
    assert.is(masked(['', '\n'], ['a\n', 'b']), 'a\nb')
    assert.is(masked(['abc', 'wxyz'], ['abc wxyz', ' xy']), 'abc **** xy')
    assert.is(masked(['pässword'], ['<pässword>']), '<****>')
  })

  test('SecretMask keeps streams apart', () => {
    const mask = new SecretMask([Buffer.from('secret')])
    assert.is(Buffer.from(mask.add('stdout', Buffer.from('sec'))).toString(), '')
    assert.is(Buffer.from(mask.add('stderr', Buffer.from('ret'))).toString(), 'ret')
    assert.is(Buffer.from(mask.end('stdout')).toString(), 'sec')
    assert.is(Buffer.from(mask.end('stdout')).toString(), '')
  })
})
