import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { type AccessRecord, serveRegistry } from '@tsbuild/core'
import { openSessionLocks } from '@tsbuild/host'
import { createRegistryServer } from '@tsbuild/registry'
import { digestOf, hasCode } from '@tsbuild/spec'
import { openStore } from '@tsbuild/store'
import { findProgram, makeCertificate, tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { ask, basic, send, serve, untilWritten, upload, users } from './registry-served.js'

tests('connections of the registry server', (test) => {
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
