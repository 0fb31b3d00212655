import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { formatRequest } from '../dist/format/request.js'
import { exposureWarning, parseListen } from '../dist/listen-address.js'
import { runProgram } from '../dist/program.js'
import { fakeIo } from './fake-io.js'

const refused: readonly (readonly [args: string, exitCode: number, stderr: RegExp])[] = [
  ['--listen 5000', 125, /Cannot parse --listen "5000": it is not ADDRESS:PORT\nHint: Example: 127/],
  ['--listen 127.0.0.1:70000', 125, /the port is above 65535/],
  ['--listen [::1:5000', 125, /not ADDRESS:PORT/],
  ['--tls-cert a.pem', 125, /Cannot parse --tls-cert "a.pem": TLS needs both/],
  ['--tls-key a.pem', 125, /Cannot parse --tls-key "a.pem": TLS needs both/],
  ['--anonymous-pull', 125, /without --htpasswd nothing needs a password/],
  ['--log everything', 125, /Allowed choices are requests, errors, none/],
  ['--dlete', 125, /unknown option '--dlete'\n\(Did you mean --delete\?\)/],
  ['extra', 1, /too many arguments/],
  [
    '--root /proc/nowhere --readonly',
    1,
    /Cannot serve root folder "\/proc\/nowhere": nothing was ever kept there\nHint: /,
  ],
]

tests('registry serve', (test) => {
  for (const [args, exitCode, stderr] of refused) {
    test(`runProgram() answers "registry serve ${args}" with ${exitCode}`, async () => {
      const result = await runProgram(['registry', 'serve', ...args.split(' ')], fakeIo().io)
      assert.is(result.exitCode, exitCode, result.stderr)
      assert.match(result.stderr ?? '', stderr)
    })
  }

  test('runProgram() shows help and an example', async () => {
    const group = await runProgram(['registry', '--help'], fakeIo().io)
    assert.match(group.stdout ?? '', /serve +Serve a root folder as a registry/)
    const { stdout = '' } = await runProgram(['registry', 'serve', '--help'], fakeIo().io)
    assert.match(stdout, /--htpasswd <file>[\s\S]*Example:\n {2}tsbuild registry serve --listen/)
  })

  test('parseListen() takes addresses, names and every address', () => {
    assert.equal(parseListen('127.0.0.1:5000'), { host: '127.0.0.1', port: 5000 })
    assert.equal(parseListen('localhost:0'), { host: 'localhost', port: 0 })
    assert.equal(parseListen('[::1]:5000'), { host: '::1', port: 5000 })
    assert.equal(parseListen(':5000'), { host: '::', port: 5000 })
  })

  test('exposureWarning() names what is open to other machines', () => {
    const open = { encrypted: false, guarded: false }
    for (const host of ['127.0.0.1', '127.9.9.9', 'localhost', '::1']) assert.is(exposureWarning(host, open), '', host)
    const both = /^WARNING: .* without encryption \(--tls-cert\) and passwords \(--htpasswd\)\n$/
    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.org']) assert.match(exposureWarning(host, open), both)
    assert.match(exposureWarning('::', { encrypted: true, guarded: false }), /without passwords \(--htpasswd\)\n$/)
    assert.is(exposureWarning('::', { encrypted: true, guarded: true }), '')
  })

  test('formatRequest() writes one line, whatever the client calls itself', () => {
    const request = {
      at: 0,
      remoteAddress: '127.0.0.1',
      method: 'GET',
      path: '/v2/',
      status: 200,
      sentBytes: 2,
      durationMs: 1.4,
      aborted: false,
    }
    assert.is(formatRequest(request), '1970-01-01T00:00:00.000Z 127.0.0.1 - GET /v2/ 200 2 1ms ""\n')
    const odd = { ...request, user: 'a b', userAgent: 'x "y"\n', aborted: true, error: new Error('no\nspace') }
    const line = '1970-01-01T00:00:00.000Z 127.0.0.1 "a b" GET /v2/ aborted 2 1ms "x \\"y\\"\\n" "no\\nspace"\n'
    assert.is(formatRequest(odd), line)
  })
})
