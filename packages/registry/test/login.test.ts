import { createRegistryClient, type RegistryClientOptions } from '@tsbuild/registry'
import { mediaTypes } from '@tsbuild/spec'
import { registryProblem, startRegistry, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { blobOf, fails, MemorySink, opener, quick, random, serve, smallImage } from './support.js'

const auth = { user: 'me', password: 'a-secret-word' }
const open = (more: RegistryClientOptions = {}) =>
  createRegistryClient({ dockerConfigPath: false, retry: quick, ...more })

tests('login()', (test) => {
  test(
    'login() accepts the right password and no other, and shows neither',
    async () => {
      await using registry = await startRegistry({ auth })
      await using client = open({ credentials: () => ({ username: 'other', password: 'other' }) })
      const right = { username: auth.user, password: auth.password }
      assert.equal(await client.login(registry.host, right), right)
      const error = await fails(
        client.login(registry.host, { username: auth.user, password: 'wrong-word' }),
        'REGISTRY_UNAUTHORIZED',
        /Cannot log in to/,
      )
      assert.not.match(`${error.message} ${error.hint}`, /wrong-word|d3Jvbmctd29yZA|bWU6/)
      assert.match(error.hint ?? '', /Check the user and password/)
    },
    { skip: registryProblem({ auth }) },
  )

  test('login() keeps the identity token that a token service gives instead of the password', async () => {
    const asked: URLSearchParams[] = []
    await using server = await serve((incoming, response) => {
      const url = new URL(incoming.url ?? '/', 'http://x')
      if (url.pathname === '/token') {
        asked.push(url.searchParams)
        return response.end(JSON.stringify({ token: 'short', refresh_token: 'long-lived' }))
      }
      if (incoming.headers.authorization === 'Bearer short') return response.end('{}')
      const challenge = `Bearer realm="http://${incoming.headers.host}/token",service="s"`
      return response.writeHead(401, { 'www-authenticate': challenge }).end()
    })
    await using client = open()
    const kept = await client.login(server.host, { username: 'me', password: 'pass' })
    assert.equal(kept, { identityToken: 'long-lived', username: 'me' })
    assert.equal(
      ['offline_token', 'account', 'service', 'scope'].map((name) => asked[0]?.get(name) ?? null),
      ['true', 'me', 's', null],
    )
  })

  test('login() to a registry that asks nobody succeeds', async () => {
    await using server = await serve((_, response) => response.end('{}'))
    await using client = open()
    const credentials = { username: 'me', password: 'pass' }
    assert.equal(await client.login(server.host, credentials), credentials)
  })
})

tests('where credentials go', (test) => {
  const image = smallImage()

  test('an upload that continues on another host goes there without credentials', async () => {
    const seen: (string | undefined)[] = []
    await using storage = await serve((incoming, response) => {
      seen.push(incoming.headers.authorization)
      incoming.resume().on('end', () => response.writeHead(201).end())
    })
    await using server = await serve((incoming, response) => {
      if (incoming.headers.authorization === undefined)
        return response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
      if (incoming.method === 'HEAD') return response.writeHead(404).end()
      return response.writeHead(202, { location: `http://${storage.host}/upload?x=y` }).end()
    })
    await using client = open({ credentials: () => ({ username: 'u', password: 'pass' }) })
    const bytes = random(100)
    assert.is(await client.pushBlob(server.ref('app'), blobOf(bytes), opener(bytes)), 'pushed')
    assert.equal(seen, [undefined])
    assert.match(storage.requests.join(), /^PUT \/upload\?x=y&digest=sha256%3A/)
  })

  test('a token service on another host gets the password, and its token goes to the registry alone', async () => {
    const seen: Record<string, Set<string | undefined>> = { tokens: new Set(), storage: new Set() }
    await using tokens = await serve((incoming, response) => {
      seen.tokens?.add(incoming.headers.authorization)
      response.end('{"token":"tok"}')
    })
    await using storage = await serve((incoming, response) => {
      seen.storage?.add(incoming.headers.authorization)
      response.writeHead(200, { 'content-type': mediaTypes.ociManifest }).end(image.bytes)
    })
    await using server = await serve((incoming, response) => {
      if (incoming.headers.authorization === 'Bearer tok')
        return response.writeHead(302, { location: `http://${storage.host}/m` }).end()
      return response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${tokens.host}/t"` }).end()
    })
    await using client = open({ credentials: () => ({ username: 'u', password: 'pass' }) })
    await client.resolve(server.ref('app'))
    assert.equal([...(seen.tokens ?? [])], [`Basic ${Buffer.from('u:pass').toString('base64')}`])
    assert.equal([...(seen.storage ?? [])], [undefined])
  })

  test(
    'a registry with TLS cannot send the password to a token service without',
    async () => {
      await using registry = await startRegistry({ tls: true })
      const asked: string[] = []
      await using tokens = await serve((incoming, response) => {
        asked.push(incoming.url ?? '')
        response.end('{"token":"tok"}')
      })
      const { Authorizer } = await import('../dist/auth/authorizer.js')
      const { Hosts } = await import('../dist/http/hosts.js')
      const { Redactor } = await import('../dist/http/redact.js')
      const { Transport } = await import('../dist/http/transport.js')
      using transport = new Transport({}, [], 1000)
      const authorizer = new Authorizer(registry.host, {
        transport,
        findCredentials: async () => ({ username: 'u', password: 'pass' }),
        redactor: new Redactor(),
        hosts: new Hosts({ hosts: {}, insecure: [], certsDirectories: [] }),
        headers: {},
      })
      const headers = { 'www-authenticate': `Bearer realm="http://${tokens.host}/t"` }
      const answer = { status: 401, headers, body: (async function* () {})(), discard: () => {} }
      const learn = (base: string) => authorizer.learn(answer, undefined, [], new URL(base))
      await fails(learn(`https://${registry.host}/`), 'REGISTRY_FAILED', /no token service that is reached by HTTPS/)
      assert.equal(asked, [])
      assert.is(await learn(`http://${registry.host}/`), true)
    },
    { skip: registryProblem({ tls: true }) },
  )

  test('a name on another port is another host', async () => {
    await using server = await serve((incoming, response) =>
      incoming.headers.authorization === undefined
        ? response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
        : response.writeHead(500).end(),
    )
    await using client = open({
      credentials: (registry) => (registry === '127.0.0.1:1' ? { username: 'u', password: 'pass' } : undefined),
    })
    const error = await fails(
      client.pullBlob(server.ref('x'), blobOf(random(3)), new MemorySink()),
      'REGISTRY_UNAUTHORIZED',
    )
    assert.is(error.hint, `Log in with "tsbuild login ${server.host}"`)
  })
})

tests('pushBlob() around obstacles', (test) => {
  const bytes = random(1_500_000)
  const blob = blobOf(bytes)

  test(
    'pushBlob() sends smaller pieces where something refuses large requests',
    async () => {
      await using registry = await startRegistry()
      const sizes: number[] = []
      const { startTamperer } = await import('./support.js')
      await using proxy = await startTamperer(`127.0.0.1:${registry.port}`, (incoming, response) => {
        const size = Number(incoming.headers['content-length'] ?? 0)
        if (size <= 400_000) {
          if (incoming.method === 'PATCH') sizes.push(size)
          return false
        }
        incoming.resume()
        response.writeHead(413).end()
        return true
      })
      await using client = open()
      assert.is(await client.pushBlob(proxy.ref('app'), blob, opener(bytes)), 'pushed')
      assert.equal(sizes, [375_000, 375_000, 375_000, 375_000])
      const sink = new MemorySink()
      await client.pullBlob(proxy.ref('app'), blob, sink)
      assert.ok(sink.blobs.get(blob.digest)?.equals(bytes))
    },
    { skip: registryProblem() },
  )

  test(
    'pushBlob() tells where a blob was mounted from, and sends it where that is refused',
    async () => {
      await using registry = await startRegistry()
      const { startTamperer } = await import('./support.js')
      await using proxy = await startTamperer(`127.0.0.1:${registry.port}`, (incoming, response) => {
        if (!incoming.url?.includes('from=secret')) return false
        response.writeHead(403).end()
        return true
      })
      await using client = open()
      await client.pushBlob(proxy.ref('first'), blob, opener(bytes))
      const mounted: string[] = []
      const options = { mountFrom: ['secret', 'first'], onMounted: (from: string) => mounted.push(from) }
      assert.is(await client.pushBlob(proxy.ref('second'), blob, opener(bytes), options), 'mounted')
      assert.equal(mounted, ['first'])
      const other = random(10)
      const only = { mountFrom: ['secret'] }
      assert.is(await client.pushBlob(proxy.ref('second'), blobOf(other), opener(other), only), 'pushed')
    },
    { skip: registryProblem() },
  )

  test('pushBlob() begins again where the registry lost the upload', async () => {
    let uploads = 0
    await using server = await serve((incoming, response) => {
      incoming.resume().on('end', () => {
        if (incoming.url === '/v2/') return response.end()
        if (incoming.method === 'POST')
          return response.writeHead(202, { location: `/v2/app/blobs/uploads/${++uploads}` }).end()
        if (incoming.method === 'HEAD' || incoming.url?.includes('uploads/1')) return response.writeHead(404).end()
        return response.writeHead(incoming.method === 'PUT' ? 201 : 202, { location: incoming.url ?? '' }).end()
      })
    })
    await using client = open()
    assert.is(await client.pushBlob(server.ref('app'), blob, opener(bytes)), 'pushed')
    assert.is(uploads, 2)
  })
})
