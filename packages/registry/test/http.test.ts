import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { createRegistryClient } from '@tsbuild/registry'
import { hasCode, mediaTypes, parseReference } from '@tsbuild/spec'
import { registryProblem, startRegistry, tests } from '@tsbuild/testkit'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { parseChallenges } from '../dist/auth/challenge.js'
import { hostname, isLoopback } from '../dist/http/endpoint.js'
import { proxyFor } from '../dist/http/proxy.js'
import { Redactor, redactUrl } from '../dist/http/redact.js'
import { backoff, retryAfterMs, retryPolicy } from '../dist/http/retry.js'
import { fails, forward, opener, quick, serve, smallImage } from './support.js'

tests('HTTP', (test) => {
  const challenges: Record<string, unknown> = {
    '': [],
    Basic: [{ scheme: 'basic', parameters: {} }],
    'Basic realm="a, b", charset=UTF-8': [{ scheme: 'basic', parameters: { realm: 'a, b', charset: 'UTF-8' } }],
    'Bearer realm="https://a/t?x=1",service="s",scope="repository:a/b:pull,push"': [
      { scheme: 'bearer', parameters: { realm: 'https://a/t?x=1', service: 's', scope: 'repository:a/b:pull,push' } },
    ],
    'Negotiate, BEARER Realm = "q\\"q" , Basic realm=x': [
      { scheme: 'negotiate', parameters: {} },
      { scheme: 'bearer', parameters: { realm: 'q"q' } },
      { scheme: 'basic', parameters: { realm: 'x' } },
    ],
    'Bearer realm="open': [{ scheme: 'bearer', parameters: {} }],
    '"Bearer"': [],
  }
  for (const [header, expected] of Object.entries(challenges)) {
    test(`parseChallenges() reads ${JSON.stringify(header)}`, () => {
      const found = parseChallenges(header)
      // What comes behind something malformed does not matter.
      assert.equal(found.slice(0, (expected as unknown[]).length), expected)
    })
  }

  test('parseChallenges() ends on any text', () => {
    fc.assert(fc.property(fc.string(), (text) => Array.isArray(parseChallenges(text))))
    assert.is(parseChallenges(`Bearer ${'a='.repeat(50_000)}`).length > 0, true)
  })

  test('proxyFor() follows the environment', () => {
    const env = {
      HTTPS_PROXY: 'http://proxy:3128',
      http_proxy: 'other:8080',
      NO_PROXY: 'corp.example, .sub.test,10.1.2.3,port.test:444,*.star.test,10.8.0.0/13,fd00::/8,bad/99',
    }
    const table: Record<string, string | undefined> = {
      'https://a.example/': 'http://proxy:3128/',
      'http://a.example/': 'http://other:8080/',
      'https://corp.example/': undefined,
      'https://x.corp.example/': undefined,
      'https://notcorp.example/': 'http://proxy:3128/',
      'https://sub.test/': undefined,
      'https://x.star.test/': undefined,
      'https://10.1.2.3:5000/': undefined,
      'https://port.test/': 'http://proxy:3128/',
      'https://port.test:444/': undefined,
      'https://10.9.255.1:5000/': undefined,
      'https://10.16.0.1:5000/': 'http://proxy:3128/',
      'https://[fd12::1]:5000/': undefined,
      'https://bad/': 'http://proxy:3128/',
      'https://localhost:5000/': undefined,
      'https://[::1]:5000/': undefined,
    }
    for (const [url, expected] of Object.entries(table)) assert.is(proxyFor(new URL(url), env)?.href, expected, url)
    assert.is(proxyFor(new URL('https://a/'), { https_proxy: 'http://p', NO_PROXY: '*' }), undefined)
  })

  test('proxyFor() refuses what is no http proxy, and does not go around it', () => {
    for (const value of ['socks5://me:pw@p:1080', 'http://[bad', 'ftp://p/']) {
      assert.throws(
        () => proxyFor(new URL('https://a/'), { https_proxy: value }),
        (error: unknown) => hasCode(error, 'SETTINGS_INVALID') && !error.message.includes('pw'),
      )
    }
  })

  test('isLoopback() knows this machine and nothing else', () => {
    const table: Record<string, boolean> = {
      localhost: true,
      'localhost:5000': true,
      'LOCALHOST:5000': true,
      '127.0.0.1:5000': true,
      '127.8.8.8': true,
      '[::1]:5000': true,
      '127.evil.example': false,
      'localhost.example:5000': false,
      '10.0.0.1': false,
      '[::2]:5000': false,
    }
    for (const [host, expected] of Object.entries(table)) assert.is(isLoopback(host), expected, host)
    assert.is(hostname('[fe80::1]:5000'), 'fe80::1')
  })

  test('retryAfterMs() and backoff() stay within bounds', () => {
    assert.is(retryAfterMs('3', 0), 3000)
    assert.is(retryAfterMs('Thu, 01 Jan 1970 00:00:10 GMT', 4000), 6000)
    assert.is(retryAfterMs('soon', 0), undefined)
    assert.is(retryAfterMs(undefined, 0), undefined)
    const policy = retryPolicy({ backoffMs: 100 })
    for (let failures = 1; failures < 12; failures++) {
      const wait = backoff(failures, policy)
      assert.ok(wait >= Math.min(100 * 2 ** (failures - 1), 20_000) / 2 && wait <= 20_000)
    }
  })

  test('Redactor hides secrets, URLs lose user and query', () => {
    const redactor = new Redactor()
    redactor.add('s3cret', undefined, 'x')
    assert.is(redactor.clean('a s3cret x\r\n\u001b[31mBearer abc.def'), 'a *** x Bearer ***')
    assert.is(redactor.clean('see https://u:p@h/p?q=1#f now'), 'see https://h/p now')
    assert.is(redactor.clean('é'.repeat(2000)).length, 1024)
    assert.is(redactUrl(new URL('https://u:p@h:1/p?q#f')), 'https://h:1/p')
  })

  test(
    'requests go through the proxies that the environment names',
    async () => {
      await using plain = await startRegistry()
      await using secure = await startRegistry({ tls: true })
      const via: string[] = []
      const targets: Record<string, number> = { 'plain.test:5000': plain.port, 'secure.test:443': secure.port }
      const proxy = createServer((incoming, response) => {
        const url = new URL(incoming.url ?? '')
        via.push(`${incoming.method} ${url.host} ${incoming.headers['proxy-authorization']}`)
        forward(`127.0.0.1:${targets[url.host]}`, incoming, response, `${url.pathname}${url.search}`)
      })
      proxy.on('connect', (incoming, socket, head) => {
        via.push(`CONNECT ${incoming.url} ${incoming.headers['proxy-authorization']}`)
        const port = targets[incoming.url ?? '']
        if (port === undefined) return socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
        const upstream = connect(port, '127.0.0.1', () => {
          socket.write('HTTP/1.1 200 OK\r\n\r\n')
          upstream.write(head)
          socket.pipe(upstream).pipe(socket)
        })
        upstream.on('error', () => socket.destroy())
        return socket.on('error', () => upstream.destroy())
      })
      proxy.listen(0, '127.0.0.1')
      await once(proxy, 'listening')
      const address = `http://me:pw@127.0.0.1:${(proxy.address() as AddressInfo).port}`
      try {
        await using client = createRegistryClient({
          dockerConfigPath: false,
          insecure: ['plain.test:5000', 'secure.test'],
          env: { HTTP_PROXY: address, HTTPS_PROXY: address },
          retry: quick,
        })
        const image = smallImage()
        for (const name of ['plain.test:5000/app', 'secure.test/app']) {
          const reference = parseReference(name)
          await client.pushBlob(reference, image.manifest.config, opener(image.config))
          await client.pushBlob(reference, image.manifest.layers[0]!, opener(image.layer))
          await client.pushManifest(reference, image.bytes, mediaTypes.ociManifest)
          assert.is((await client.resolve(reference)).manifest.config.digest, image.manifest.config.digest)
        }
        const authorization = `Basic ${Buffer.from('me:pw').toString('base64')}`
        assert.ok(via.includes(`GET plain.test:5000 ${authorization}`))
        assert.ok(via.includes(`CONNECT secure.test:443 ${authorization}`))
        const error = await fails(
          client.resolve(parseReference('other.test/app')),
          'REGISTRY_UNREACHABLE',
          /the proxy answered 403 to CONNECT/,
        )
        assert.not.match(error.message, /me:pw/)
      } finally {
        proxy.closeAllConnections()
        proxy.close()
      }
    },
    { skip: registryProblem({ tls: true }) },
  )

  test(
    'a certificate that nobody vouches for is refused, and accepted with `ca`',
    async () => {
      await using registry = await startRegistry({ tls: true })
      // Another name of this machine, so that the loopback rule does not hold.
      await using proxy = await connectProxy(registry.port)
      const reference = parseReference('registry.test/app')
      await using strict = createRegistryClient({
        dockerConfigPath: false,
        retry: quick,
        env: { HTTPS_PROXY: proxy.url },
      })
      const error = await fails(
        strict.resolve(reference),
        'REGISTRY_UNREACHABLE',
        /self-signed certificate|unable to verify/,
      )
      assert.match(error.hint ?? '', /as "ca" of this host/)
      await using trusting = createRegistryClient({
        dockerConfigPath: false,
        retry: quick,
        ca: [registry.certificate ?? ''],
        env: { HTTPS_PROXY: proxy.url },
      })
      await fails(trusting.resolve(reference), 'REGISTRY_UNREACHABLE', /does not match certificate/)
      await using insecure = createRegistryClient({
        dockerConfigPath: false,
        retry: quick,
        insecure: ['registry.test'],
        env: { HTTPS_PROXY: proxy.url },
      })
      await fails(insecure.resolve(reference), 'MANIFEST_NOT_FOUND')
    },
    { skip: registryProblem({ tls: true }) },
  )

  test('a redirect from HTTPS to HTTP is refused', async () => {
    await using plain = await serve((_, response) => response.end('x'))
    await fails(redirectedTo(`http://${plain.host}/blob`), 'REGISTRY_FAILED', /which is not secure$/)
    assert.equal(plain.requests, [])
  })
})

/** A transport that answers any request of an HTTPS registry with a redirect: the rule itself, without certificates. */
async function redirectedTo(location: string): Promise<unknown> {
  const { RegistryHttp } = await import('../dist/http/registry-http.js')
  const { Transport } = await import('../dist/http/transport.js')
  const { Hosts } = await import('../dist/http/hosts.js')
  const transport = new Transport({}, [], 400)
  const answer = { status: 302, headers: { location }, body: (async function* () {})(), discard: () => {} }
  const authorizer = { header: async () => undefined, learn: async () => false, hint: async () => '' }
  const http = new RegistryHttp({
    transport: Object.assign(transport, { send: async () => answer }),
    authorizer: () => authorizer as never,
    redactor: new Redactor(),
    hosts: new Hosts({ hosts: {}, insecure: [], certsDirectories: [] }),
    headers: {},
    policy: retryPolicy(quick),
  })
  return http.call(
    { registry: 'registry.test', method: 'GET', target: '/v2/x', scopes: [] },
    { what: 'Cannot test', host: 'x', notFound: 'BLOB_NOT_FOUND' },
    [200],
  )
}

/** A proxy whose every CONNECT leads to one port. */
async function connectProxy(port: number): Promise<AsyncDisposable & { readonly url: string }> {
  const proxy = createServer()
  proxy.on('connect', (_, socket, head) => {
    const upstream = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      upstream.write(head)
      socket.pipe(upstream).pipe(socket)
    })
    upstream.on('error', () => socket.destroy())
    socket.on('error', () => upstream.destroy())
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      proxy.closeAllConnections()
      proxy.close()
    },
  }
}
