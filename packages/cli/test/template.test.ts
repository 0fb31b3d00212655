import { hasCode } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { compileTemplate } from '../dist/template/render.js'

const image = {
  Id: 'sha256:abc',
  RepoTags: ['app:1', 'app:2'],
  Size: 1234,
  Config: {
    Env: ['A=1', 'B=2'],
    Cmd: null,
    User: '',
    Labels: { 'org.x': 'y', a: 'b' },
    ExposedPorts: { '80/tcp': {} },
  },
}

const good: Record<string, string> = {
  '': '',
  'plain text': 'plain text',
  '{{.Id}}': 'sha256:abc',
  '{{ .Id }}!': 'sha256:abc!',
  '{{.Size}}': '1234',
  '{{.Config.Env}}': '[A=1 B=2]',
  '{{.Config.Labels}}': 'map[a:b org.x:y]',
  '{{.Config.Cmd}}': '<no value>',
  '{{json .Config.Env}}': '["A=1","B=2"]',
  '{{.Config.Env | json}}': '["A=1","B=2"]',
  '{{json .Config.Cmd}}': 'null',
  '{{index .RepoTags 1}}': 'app:2',
  '{{index .Config.Labels "org.x"}}': 'y',
  '{{len .RepoTags}}': '2',
  '{{join .RepoTags ", "}}': 'app:1, app:2',
  '{{range .Config.Env}}[{{.}}]{{end}}': '[A=1][B=2]',
  '{{range $i, $e := .Config.Env}}{{$i}}={{$e}};{{end}}': '0=A=1;1=B=2;',
  '{{range $k, $v := .Config.Labels}}{{$k}}={{$v}};{{end}}': 'a=b;org.x=y;',
  '{{range $p, $_ := .Config.ExposedPorts}}{{$p}}{{end}}': '80/tcp',
  '{{range .Config.Cmd}}x{{else}}none{{end}}': 'none',
  '{{if .Config.User}}u{{else if .Id}}id{{else}}no{{end}}': 'id',
  '{{with .Config.User}}{{.}}{{else}}root{{end}}': 'root',
  '{{with .Config}}{{.Env | len}} {{$.Id}}{{end}}': '2 sha256:abc',
  '{{if eq .Size 1234}}y{{end}}{{if and .Id (not .Config.User)}}z{{end}}': 'yz',
  '{{if gt .Size 1000}}big{{end}}': 'big',
  '{{eq .Id .Id}}': 'true',
  '{{(index .Config.Env 0) | lower}}': 'a=1',
  '{{(.Config).User | printf "%q"}}': '""',
  '{{printf "%-6s|%5d|%.1f" "ab" .Size 1.25}}': 'ab    | 1234|1.3',
  'a {{- "b" -}} c': 'abc',
  'a{{/* no */}}b': 'ab',
  '{{"}}"}}': '}}',
  '{{`a"b`}}': 'a"b',
  '{{upper (title "ab cd")}}': 'AB CD',
  '{{split "a,b" ","}}': '[a b]',
  '{{truncate .Id 6}}': 'sha256',
  '{{$x := .Id}}{{$x}}': 'sha256:abc',
}

const bad: Record<string, RegExp> = {
  '{{.Id': /"}}" is missing/,
  '{{.Nope}}': /there is no field "Nope"/,
  '{{.Config.Cmd.X}}': /has no field "X"/,
  '{{nope .Id}}': /function "nope" is unknown/,
  '{{constructor}}': /function "constructor" is unknown/,
  '{{.constructor}}': /there is no field "constructor"/,
  '{{if .Id}}x': /"if" has no end/,
  '{{end}}': /nothing to end/,
  '{{}}': /is empty/,
  '{{.Id |}}': /is empty/,
  '{{(.Id}}': /bracket is not closed/,
  '{{.Id)}}': /closed that was not opened/,
  '{{index .RepoTags 5}}': /out of range/,
  '{{.Id .Id}}': /called like a function/,
  '{{$y}}': /variable "\$y" is not set/,
  '{{?}}': /is not understood/,
}

tests('templates', (test) => {
  for (const [template, expected] of Object.entries(good)) {
    test(`compileTemplate() renders ${template}`, () => assert.is(compileTemplate(template)(image), expected))
  }
  for (const [template, why] of Object.entries(bad)) {
    test(`compileTemplate() rejects ${template}`, () => {
      assert.throws(
        () => compileTemplate(template)(image),
        (error: Error) => hasCode(error, 'TEMPLATE_INVALID') && why.test(error.message),
      )
    })
  }
  test('compileTemplate() throws nothing but its own error', () => {
    const piece = fc.constantFrom(
      '{{',
      '}}',
      '.Id',
      '.',
      '|',
      '(',
      ')',
      '"',
      '`',
      'json',
      'if',
      'range',
      'else',
      'end',
      ' ',
      '$x',
      ':=',
      '-',
      '/*',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        try {
          compileTemplate(pieces.join(''))(image)
        } catch (error) {
          assert.ok(hasCode(error, 'TEMPLATE_INVALID'), String(error))
        }
      }),
      { numRuns: 2000 },
    )
  })
})
