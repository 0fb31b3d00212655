import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir, stat, writeFile } from 'node:fs/promises'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { type AccessRecord, type RegistryServer, type ServeRegistryOptions, serveRegistry } from '@tsbuild/core'
import { openSessionLocks } from '@tsbuild/host'
import { createRegistryClient, createRegistryServer } from '@tsbuild/registry'
import { type Descriptor, digestOf, hasCode, mediaTypes, parseReference } from '@tsbuild/spec'
import { openStore } from '@tsbuild/store'
import { findProgram, makeCertificate, type TempDir, tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

interface Served extends AsyncDisposable {
  readonly server: RegistryServer
  readonly root: TempDir
  readonly records: AccessRecord[]
}

async function serve(
  options: ServeRegistryOptions = {},
  files: Readonly<Record<string, string>> = {},
): Promise<Served> {
  const root = await tempDir('tsbuild-registry-')
  const records: AccessRecord[] = []
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(root.path, name), text)
    const path = (name: string) => join(root.path, name)
    const auth = options.auth && { ...options.auth, htpasswd: path(options.auth.htpasswd) }
    const onRequest = (record: AccessRecord) => void records.push(record)
    const server = await serveRegistry({ onRequest, ...options, ...(auth && { auth }), root: path('root') })
    const close = async () => {
      await server[Symbol.asyncDispose]()
      await root[Symbol.asyncDispose]()
    }
    return { server, root, records, [Symbol.asyncDispose]: close }
  } catch (error) {
    await root[Symbol.asyncDispose]()
    throw error
  }
}

interface Asked {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

async function send(url: string, { method = 'GET', headers = {}, body }: Asked = {}): Promise<IncomingMessage> {
  const sized = body === undefined ? {} : { 'content-length': String(body.length) }
  const outgoing = httpRequest(url, { method, headers: { ...sized, ...headers }, agent: false }).end(body)
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  return response
}

async function ask(url: string, asked?: Asked) {
  const response = await send(url, asked)
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }
}

async function upload(
  url: string,
  repository: string,
  bytes: Uint8Array,
  headers: Record<string, string> = {},
): Promise<number> {
  const path = `/v2/${repository}/blobs/uploads/?digest=${digestOf(bytes)}`
  return (await ask(`${url}${path}`, { method: 'POST', body: bytes, headers })).status
}

/** Resolves when some of an upload is in its file. */
async function untilWritten({ root }: Served, location: string): Promise<void> {
  const file = join(root.path, 'root/uploads', location.slice(location.lastIndexOf('/') + 1))
  while ((await stat(file)).size === 0) await new Promise(setImmediate)
}

const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
})
/** The password of `me` is `secret`, as `htpasswd -B` hashes it. */
const users = 'me:$2y$05$TUy2rBWxw1IsJCIUglonzeqx.6no3aoF75icssAaTDvrEx6QTBJ3m\n\n# nobody\n'

tests('registry server', (test) => {
  test('serveRegistry() carries an image there and back with our own client, and keeps one copy of each blob', async () => {
    await using served = await serve()
    await using client = createRegistryClient({ dockerConfigPath: false })
    const layer = randomBytes(3_000_000)
    const config = Buffer.from('{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}')
    const describe = (bytes: Buffer, mediaType: string): Descriptor => ({
      mediaType,
      digest: digestOf(bytes),
      size: bytes.length,
    })
    const open = (bytes: Buffer) =>
      async function* (offset: number) {
        for (let at = offset; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
      }
    const [layerBlob, configBlob] = [describe(layer, mediaTypes.ociLayer), describe(config, mediaTypes.ociConfig)]
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: configBlob, layers: [layerBlob] }
    const bytes = Buffer.from(JSON.stringify(manifest))
    const outcomes: string[] = []
    for (const name of ['one', 'team/two', 'team/two']) {
      const reference = parseReference(`${served.server.host}/${name}:1`)
      outcomes.push(await client.pushBlob(reference, layerBlob, open(layer), { mountFrom: ['one'] }))
      await client.pushBlob(reference, configBlob, open(config))
      await client.pushManifest(reference, bytes, mediaTypes.ociManifest)
      const resolved = await client.resolve(reference)
      assert.is(resolved.descriptor.digest, digestOf(bytes))
      assert.equal(Buffer.from(await client.readBlob(reference, configBlob)), config)
    }
    assert.equal(outcomes, ['pushed', 'mounted', 'exists'])
    const blobs = await readdir(join(served.root.path, 'root/content/blobs/sha256'))
    assert.equal(blobs.sort(), [layerBlob, configBlob, describe(bytes, '')].map(({ digest }) => digest.slice(7)).sort())
  })

  test('twenty uploads of one blob at once leave one copy and no remains', async () => {
    await using served = await serve()
    const bytes = randomBytes(1_500_000)
    const all = Array.from({ length: 20 }, (_, at) => upload(served.server.url, `app${at % 3}`, bytes))
    assert.equal([...new Set(await Promise.all(all))], [201])
    const root = join(served.root.path, 'root')
    assert.equal(await readdir(join(root, 'content/blobs/sha256')), [digestOf(bytes).slice(7)])
    assert.equal(await readdir(join(root, 'uploads')), [])
    assert.equal(await readdir(join(root, 'ingest')), [])
    const got = await ask(`${served.server.url}/v2/app2/blobs/${digestOf(bytes)}`)
    assert.ok(got.body.equals(bytes))
  })

  test('an upload that breaks off goes on where it stopped', async () => {
    await using served = await serve()
    const { url } = served.server
    const bytes = randomBytes(2_000_000)
    const begun = await ask(`${url}/v2/app/blobs/uploads/`, { method: 'POST' })
    const location = `${url}${begun.headers.location}`
    const half = httpRequest(location, {
      method: 'PATCH',
      headers: { 'content-length': String(bytes.length) },
      agent: false,
    })
    half.on('error', () => {})
    half.write(bytes.subarray(0, 1_200_000))
    // What is still on its way when the client goes may be lost.
    await untilWritten(served, location)
    half.destroy()
    let from = 0
    for (;;) {
      const status = await ask(location)
      assert.is(status.status, 204)
      from = Number(/^0-(\d+)$/.exec(String(status.headers.range))?.[1]) + 1
      const headers = { 'content-range': `${from}-${bytes.length - 1}` }
      const rest = await ask(location, { method: 'PATCH', body: bytes.subarray(from), headers })
      if (rest.status === 202) break
      assert.is(rest.status, 416)
    }
    assert.ok(from > 1)
    const done = await ask(`${location}?digest=${digestOf(bytes)}`, { method: 'PUT' })
    assert.is(done.status, 201)
    assert.ok((await ask(`${url}/v2/app/blobs/${digestOf(bytes)}`)).body.equals(bytes))
  })

  test('a client that comes again ends its own request that hangs', async () => {
    await using served = await serve()
    const { url } = served.server
    const begun = await ask(`${url}/v2/app/blobs/uploads/`, { method: 'POST' })
    const location = `${url}${begun.headers.location}`
    const length = { 'content-length': '9000000' }
    const hanging = httpRequest(location, { method: 'PATCH', headers: length, agent: false })
    hanging.on('error', () => {})
    const cut = new Promise((resolve) => hanging.on('close', resolve))
    hanging.write(randomBytes(3_000_000))
    await untilWritten(served, location)
    assert.is((await ask(location, { method: 'DELETE' })).status, 204)
    await cut
    assert.is((await ask(location)).status, 404)
  })

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

  test('odd requests get an answer of the spec, and none of them is a failure of the registry', async () => {
    await using served = await serve()
    const { url } = served.server
    await upload(url, 'app', Buffer.from('x'))
    const long = 'x'.repeat(4000)
    const blob = `/v2/app/blobs/${digestOf('x')}`
    const table: readonly (readonly [
      method: string,
      path: string,
      status: number,
      headers?: Record<string, string>,
    ])[] = [
      ['GET', `/v2/_catalog?last=${long}`, 200],
      ['GET', `/v2/app/referrers/${digestOf('x')}?last=${long}`, 200],
      ['GET', `/v2/app/referrers/sha256:${long}`, 400],
      ['GET', `/v2/app/manifests/${long}`, 404],
      ['GET', `/v2/app/blobs/sha512:${'0'.repeat(128)}`, 404],
      ['POST', `/v2/app/blobs/uploads/?digest=sha512:${'0'.repeat(128)}`, 400],
      ['GET', `/v2/app/blobs/uploads/${long}`, 404],
      ['PATCH', '/v2/app/blobs/uploads/..', 404],
      ['DELETE', '/v2/app/blobs/uploads/%2e%2e%2f%2e%2e%2fmetadata', 404],
      ['GET', '/v2/app/blobs/%00', 400],
      ['GET', '/v2/%ff', 404],
      ['GET', '/', 404],
      ['GET', '/v2foo', 404],
      ['GET', '//v2/', 404],
      ['PUT', '/v2/', 405],
      ['POST', '/v2/app/blobs/uploads/?mount=x&from=../..', 202],
      ['GET', blob, 206, { range: 'bytes=0-0' }],
      ['GET', blob, 200, { range: 'bytes=0-0', 'if-range': '"other"' }],
      ['GET', blob, 200, { range: 'bytes=5-1' }],
      ['GET', blob, 200, { range: 'bytes=0-0,2-3' }],
      ['GET', blob, 200, { range: 'lines=1-2' }],
      ['GET', blob, 416, { range: 'bytes=-0' }],
    ]
    for (const [method, path, status, headers = {}] of table)
      assert.is((await ask(url + path, { method, headers })).status, status, `${method} ${path.slice(0, 80)}`)
    assert.equal(
      served.records.filter(({ error }) => error !== undefined),
      [],
    )
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

  test('a client that does not read holds nobody up, and is cut after a while', async () => {
    await using dir = await tempDir('tsbuild-registry-')
    await using sessions = openSessionLocks(join(dir.path, 'locks'))
    await using store = await openStore(dir.path, { sessions })
    const bytes = randomBytes(40_000_000)
    const path = `/v2/app/blobs/${digestOf(bytes)}`
    /** Asks for the blob and does not read it. */
    const stall = (port: number): Socket => {
      const socket = connect(port, '127.0.0.1').on('error', () => {})
      socket.pause().write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
      return socket
    }
    {
      await using patient = await createRegistryServer({ storage: store.repositories, graceMs: 0 })
      assert.is(await upload(patient.url, 'app', bytes), 201)
      const slow = stall(patient.port)
      const whole = await ask(`${patient.url}${path}`)
      assert.ok(whole.body.equals(bytes))
      slow.destroy()
    }
    let told: (record: AccessRecord) => void = () => {}
    const ended = new Promise<AccessRecord>((resolve) => {
      told = resolve
    })
    const options = { storage: store.repositories, idleTimeoutMs: 300, onRequest: told }
    await using server = await createRegistryServer(options)
    const slow = stall(server.port)
    const { status, sentBytes, aborted } = await ended
    assert.equal([status, aborted], [200, true])
    assert.ok(sentBytes < bytes.length, `${sentBytes} bytes went`)
    slow.destroy()
  })

  test('closing lets a download end, and takes no new connection', async () => {
    await using served = await serve()
    const bytes = randomBytes(20_000_000)
    await upload(served.server.url, 'app', bytes)
    const response = await send(`${served.server.url}/v2/app/blobs/${digestOf(bytes)}`)
    const closed = served.server[Symbol.asyncDispose]()
    let came = 0
    for await (const chunk of response) came += (chunk as Buffer).length
    assert.is(came, bytes.length)
    await closed
    const refused = await send(`${served.server.url}/v2/`).catch((error: NodeJS.ErrnoException) => error.code)
    assert.is(refused, 'ECONNREFUSED')
  })

  test('closing cuts what does not end in time, and leaves no lock behind', async () => {
    await using served = await serve({ graceMs: 50 })
    const begun = await ask(`${served.server.url}/v2/app/blobs/uploads/`, { method: 'POST' })
    const hanging = httpRequest(`${served.server.url}${begun.headers.location}`, {
      method: 'PATCH',
      headers: { 'content-length': '10' },
    })
    const cut = once(hanging, 'error')
    await new Promise((resolve) => hanging.write('12', resolve))
    await served.server[Symbol.asyncDispose]()
    await cut
    await using again = await serveRegistry({ root: join(served.root.path, 'root') })
    const status = await ask(`${again.url}${begun.headers.location}`)
    assert.is(status.status, 204)
  })

  test('serveRegistry() says that a port is in use', async () => {
    await using served = await serve()
    await using dir = await tempDir('tsbuild-registry-')
    const failure = await serveRegistry({ root: dir.path, port: served.server.port }).catch((error: unknown) => error)
    assert.ok(hasCode(failure, 'LISTEN_FAILED'))
    assert.is(failure.message, `Cannot listen on "127.0.0.1:${served.server.port}": the port is in use`)
  })

  test(
    'serveRegistry() speaks TLS with the certificate that it is given',
    async () => {
      await using dir = await tempDir('tsbuild-registry-')
      const { cert } = await makeCertificate(dir.path, 'tls')
      const tls = { certPath: join(dir.path, 'tls.crt'), keyPath: join(dir.path, 'tls.key') }
      await using server = await serveRegistry({ root: join(dir.path, 'root'), tls })
      assert.match(server.url, /^https:/)
      const outgoing = httpsRequest(`${server.url}/v2/`, { ca: cert, agent: false }).end()
      const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
      response.resume()
      assert.is(response.statusCode, 200)
      const swapped = { certPath: tls.keyPath, keyPath: tls.certPath }
      const failure = await serveRegistry({ root: join(dir.path, 'root'), tls: swapped }).catch(
        (error: unknown) => error,
      )
      assert.ok(hasCode(failure, 'TLS_INVALID'), String(failure))
      const missing = { ...tls, keyPath: join(dir.path, 'nothing') }
      const lost = await serveRegistry({ root: join(dir.path, 'root'), tls: missing }).catch((error: unknown) => error)
      assert.ok(hasCode(lost, 'OPTION_INVALID'), String(lost))
    },
    { skip: findProgram('openssl') === undefined ? 'openssl is not installed' : undefined },
  )

  test('a client that waits for a go-ahead sends no body that is refused', async () => {
    await using served = await serve({ auth: { htpasswd: 'users' } }, { users })
    const waiting = httpRequest(`${served.server.url}/v2/app/blobs/uploads/?digest=${digestOf('x')}`, {
      method: 'POST',
      headers: { expect: '100-continue', 'content-length': '1' },
      agent: false,
    })
    waiting.flushHeaders()
    let told = false
    waiting.on('continue', () => (told = true))
    const [response] = (await once(waiting, 'response')) as [IncomingMessage]
    assert.equal([response.statusCode, told], [401, false])
    response.resume()
    waiting.destroy()
    const asked = httpRequest(`${served.server.url}/v2/app/blobs/uploads/?digest=${digestOf('x')}`, {
      method: 'POST',
      headers: { expect: '100-continue', 'content-length': '1', ...basic('me', 'secret') },
      agent: false,
    })
    asked.flushHeaders()
    await once(asked, 'continue')
    asked.end('x')
    const [created] = (await once(asked, 'response')) as [IncomingMessage]
    created.resume()
    assert.is(created.statusCode, 201)
  })
})
