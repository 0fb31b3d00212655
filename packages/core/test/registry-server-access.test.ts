import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { serveRegistry } from '@tsbuild/core'
import { digestOf, hasCode } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { ask, basic, serve, upload, users } from './registry-served.js'

tests('access to the registry server', (test) => {
  test('htpasswd lets in who knows the password, and nobody else', async () => {
    await using served = await serve({ auth: { htpasswd: 'users' } }, { users })
    const url = `${served.server.url}/v2/`
    const table: readonly (readonly [title: string, headers: Record<string, string>, status: number])[] = [
      ['nothing', {}, 401],
      ['the right password', basic('me', 'secret'), 200],
      ['it again', basic('me', 'secret'), 200],
      ['a wrong password', basic('me', 'Secret'), 401],
      ['no password', basic('me', ''), 401],
      ['another user', basic('you', 'secret'), 401],
      ['a damaged header', { authorization: 'Basic %%%' }, 401],
      ['a token', { authorization: 'Bearer abc.def' }, 401],
    ]
    for (const [title, headers, status] of table) {
      const answer = await ask(url, { headers })
      assert.is(answer.status, status, title)
      if (status === 401) {
        assert.is(answer.headers['www-authenticate'], 'Basic realm="tsbuild registry"')
        assert.is(JSON.parse(answer.body.toString()).errors[0].code, 'UNAUTHORIZED')
      }
    }
    assert.is((await ask(`${served.server.url}/v2/_catalog`)).status, 401)
    assert.is((await ask(`${served.server.url}/v2/no/where`)).status, 401)
    const large = await ask(`${served.server.url}/v2/app/blobs/uploads/?digest=x`, {
      method: 'POST',
      body: randomBytes(4_000_000),
    })
    assert.is(large.status, 401)
    assert.equal([...new Set(served.records.map(({ user }) => user))], [undefined, 'me'])
    assert.not.match(JSON.stringify(served.records), /secret|bWU6/i)
  })

  test('an htpasswd file is read again when it changes', async () => {
    await using served = await serve({ auth: { htpasswd: 'users' } }, { users })
    const status = async (user: string) =>
      (await ask(`${served.server.url}/v2/`, { headers: basic(user, 'secret') })).status
    assert.equal([await status('me'), await status('you')], [200, 401])
    await writeFile(join(served.root.path, 'users'), `${users.replace('me:', 'you:')}# longer\n`)
    assert.equal([await status('me'), await status('you')], [401, 200])
    await writeFile(join(served.root.path, 'users'), 'broken')
    assert.equal([await status('me'), await status('you')], [401, 200])
  })

  for (const [kind, line] of [
    ['SHA-1', 'me:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ='],
    ['MD5 (apr1)', 'me:$apr1$r/QO2F7l$lAPDI5W5RuiIcaP5eGsHT.'],
    ['a plain password or a crypt hash', 'me:secret'],
    ['"user:hash"', 'secret'],
    ['a damaged hash', 'me:$2y$05$short'],
  ] as const) {
    test(`serveRegistry() refuses an htpasswd file with ${kind}`, async () => {
      const failure = await serve({ auth: { htpasswd: 'users' } }, { users: `${users}${line}\n` }).then(
        () => undefined,
        (error: unknown) => error,
      )
      assert.ok(hasCode(failure, 'HTPASSWD_INVALID'), String(failure))
      assert.ok(failure.message.includes('line 4') && failure.message.includes(kind), failure.message)
      assert.not.match(failure.message, /secret|5en6|lAPDI|short/)
    })
  }

  test('with anonymous pull anybody reads, and who knows the password writes', async () => {
    await using served = await serve({ auth: { htpasswd: 'users', anonymousPull: true } }, { users })
    const { url } = served.server
    const bytes = randomBytes(1000)
    assert.is(await upload(url, 'app', bytes), 401)
    assert.is(await upload(url, 'app', bytes, basic('me', 'wrong')), 401)
    assert.is(await upload(url, 'app', bytes, basic('me', 'secret')), 201)
    const blob = `${url}/v2/app/blobs/${digestOf(bytes)}`
    assert.is((await ask(blob)).status, 200)
    assert.is((await ask(blob, { headers: basic('me', 'wrong') })).status, 401)
    const challenge = await ask(`${url}/v2/`)
    assert.is(challenge.status, 401)
    assert.is(challenge.headers['www-authenticate'], `Bearer realm="${url}/token",service="tsbuild registry"`)
    const tokenOf = async (headers: Record<string, string>) =>
      JSON.parse((await ask(`${url}/token?service=x`, { headers })).body.toString()).token as string | undefined
    assert.is(await tokenOf(basic('me', 'wrong')), undefined)
    const bearer = async (headers: Record<string, string>) => ({ authorization: `Bearer ${await tokenOf(headers)}` })
    const [anybody, me] = [await bearer({}), await bearer(basic('me', 'secret'))]
    for (const headers of [anybody, me]) {
      assert.is((await ask(`${url}/v2/`, { headers })).status, 200)
      assert.is((await ask(blob, { headers })).status, 200)
    }
    assert.is(await upload(url, 'app', bytes, anybody), 401)
    // Without it docker tries again for a minute.
    const refused = await ask(`${url}/v2/app/blobs/uploads/`, { method: 'POST', headers: anybody })
    assert.match(
      refused.headers['www-authenticate'] ?? '',
      /scope="repository:app:pull,push",error="insufficient_scope"$/,
    )
    assert.is(await upload(url, 'app', bytes, me), 201)
    const forged = me.authorization.replace(/\.(.)/, (_, first) => `.${first === 'A' ? 'B' : 'A'}`)
    assert.is(await upload(url, 'app', bytes, { authorization: forged }), 401)
  })

  test('a read-only registry refuses every change, and serves what is there', async () => {
    await using served = await serve()
    const bytes = randomBytes(10)
    await upload(served.server.url, 'app', bytes)
    await using server = await serveRegistry({ root: join(served.root.path, 'root'), readonly: true })
    assert.is((await ask(`${server.url}/v2/app/blobs/${digestOf(bytes)}`)).status, 200)
    assert.is(await upload(server.url, 'app', bytes), 405)
    for (const method of ['PUT', 'DELETE'])
      assert.is((await ask(`${server.url}/v2/app/manifests/x`, { method })).status, 405, method)
    const nowhere = join(served.root.path, 'nowhere')
    const failure = await serveRegistry({ root: nowhere, readonly: true }).catch((error: unknown) => error)
    assert.ok(hasCode(failure, 'ROOT_UNUSABLE'))
  })

  test('nothing is deleted unless that is allowed', async () => {
    await using served = await serve()
    await upload(served.server.url, 'app', Buffer.from('x'))
    const path = `${served.server.url}/v2/app/blobs/${digestOf('x')}`
    const refused = await ask(path, { method: 'DELETE' })
    assert.is(refused.status, 405)
    assert.is((await ask(path)).status, 200)
    const begun = await ask(`${served.server.url}/v2/app/blobs/uploads/`, { method: 'POST' })
    const cancelled = await ask(`${served.server.url}${begun.headers.location}`, { method: 'DELETE' })
    assert.is(cancelled.status, 204, 'an upload can always be cancelled')
  })
})
