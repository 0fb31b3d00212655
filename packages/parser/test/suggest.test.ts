import { detectDirective, detectSyntax, suggest } from '@tsbuild/parser'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

tests('suggest', (test) => {
  test('suggest() finds the nearest word within two edits', () => {
    assert.is(suggest('biuld', ['build', 'base', 'built']), 'build')
    assert.is(suggest('foo', ['chown', 'from', 'link']), 'from')
    assert.is(suggest('xyzzy', ['build']), undefined)
    assert.is(suggest('build', ['build', 'built']), undefined)
    assert.is(suggest('', ['ab']), 'ab')
  })
  test('suggest() takes the case of the word where case does not matter', () => {
    assert.is(suggest('FORM', ['from'], { caseSensitive: false }), 'FROM')
    assert.is(suggest('form', ['FROM'], { caseSensitive: false }), 'from')
  })
})

tests('detectSyntax', (test) => {
  const forms: Record<string, string | undefined> = {
    '# syntax=a/b:1 # more\nFROM x': 'a/b:1',
    '#!/usr/bin/env x\n# syntax=a\n': 'a',
    '//syntax=a\nanything': 'a',
    '{"syntax": "a", "x": [1]}': 'a',
    '\ufeff#syntax=a\r\nFROM x': 'a',
    '\n# syntax=a\n': undefined,
    '# escape=`\n# syntax=a\n': 'a',
    '# other=x\n# syntax=a\n': undefined,
    'FROM x': undefined,
  }
  for (const [text, expected] of Object.entries(forms)) {
    test(`detectSyntax() reads ${JSON.stringify(text)}`, () => assert.is(detectSyntax(text)?.value, expected))
  }
  test('detectDirective() knows the # form only', () => {
    assert.equal(detectDirective('#!x\n# check=skip=all;error=true', 'check'), {
      value: 'skip=all;error=true',
      text: 'skip=all;error=true',
      line: 2,
    })
    assert.is(detectDirective('//check=skip=all', 'check'), undefined)
  })
})
