import { createRegistryClient, type RegistryClientOptions } from '@tsbuild/registry'
import { digestOf, mediaTypes } from '@tsbuild/spec'
import { freePort, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { blobOf, fails, MemorySink, quick, random, serve, smallImage, type TestServer } from './support.js'

const image = smallImage(undefined, 300_000)
const layer = image.manifest.layers[0]!

type Listener = Parameters<typeof serve>[0]

/** A registry that has the image `name`. */
function holding(name: string, layerBytes: Buffer = image.layer): Listener {
  return (incoming, response) => {
    const { url } = incoming
    if (url === '/v2/') return response.end('{}')
    if (url === `/v2/${name}/manifests/latest` || url === `/v2/${name}/manifests/${digestOf(image.bytes)}`)
      return response.writeHead(200, { 'content-type': mediaTypes.ociManifest }).end(image.bytes)
    if (url === `/v2/${name}/blobs/${layer.digest}`) return response.writeHead(200).end(layerBytes)
    return response.writeHead(404).end()
  }
}

async function pulled(origin: TestServer, mirrors: readonly string[], more: RegistryClientOptions = {}) {
  await using client = createRegistryClient({
    dockerConfigPath: false,
    retry: quick,
    hosts: { [origin.host]: { mirrors } },
    ...more,
  })
  const reference = origin.ref('app')
  const { manifest } = await client.resolve(reference)
  const sink = new MemorySink()
  await client.pullBlob(reference, manifest.layers[0]!, sink)
  assert.ok(sink.blobs.get(layer.digest)?.equals(image.layer))
}

const contentRequests = (server: TestServer) => server.requests.filter((line) => !line.endsWith(' /v2/'))

tests('mirrors', (test) => {
  test('a mirror that has everything is the only one that is asked', async () => {
    await using mirror = await serve(holding('hub/app'))
    await using origin = await serve(holding('app'))
    await pulled(origin, [`${mirror.host}/hub`])
    assert.is(contentRequests(mirror).length, 2)
    assert.equal(origin.requests, [])
  })

  const failing: Record<string, Listener> = {
    'has nothing': (_, response) => response.writeHead(404).end(),
    'refuses everybody': (_, response) => response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(),
    'is broken': (_, response) => response.writeHead(500).end(),
    'is a web site': (_, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>hello</html>'),
    'hangs up': (incoming) => incoming.socket.destroy(),
    'lies about a layer': holding('app', Buffer.from(random(image.layer.length))),
    'cuts a layer short': holding('app', image.layer.subarray(0, 1000)),
  }
  for (const [what, listener] of Object.entries(failing)) {
    test(`a mirror that ${what} is passed over`, async () => {
      await using mirror = await serve(listener)
      await using origin = await serve(holding('app'))
      await pulled(origin, [mirror.host])
      assert.ok(contentRequests(origin).length > 0)
    })
  }

  test('a mirror that cannot be reached is tried once, not for each layer', async () => {
    const port = await freePort()
    await using second = await serve(holding('app'))
    await using origin = await serve(holding('app'))
    await pulled(origin, [`127.0.0.1:${port}`, second.host])
    assert.equal(origin.requests, [])
    await using broken = await serve((_, response) => response.writeHead(500).end())
    await pulled(origin, [broken.host])
    assert.equal(new Set(contentRequests(broken)), new Set(['GET /v2/app/manifests/latest']))
  })

  test('what is missing everywhere is told with the name that was asked for, and why the mirror failed', async () => {
    await using mirror = await serve((_, response) => response.writeHead(403).end())
    await using origin = await serve((_, response) => response.writeHead(404).end())
    await using client = createRegistryClient({
      dockerConfigPath: false,
      retry: quick,
      hosts: { [origin.host]: { mirrors: [mirror.host] } },
    })
    const error = await fails(client.resolve(origin.ref('app')), 'MANIFEST_NOT_FOUND')
    assert.ok(error.message.includes(`"${origin.host}/app:latest"`))
    assert.ok(error.hint?.includes(`the mirror "${mirror.host}" failed before`))
  })

  test('each host gets its own credentials and no others', async () => {
    const seen: Record<string, Set<string | undefined>> = { mirror: new Set(), origin: new Set() }
    const asking =
      (name: string, found: Listener): Listener =>
      (incoming, response) => {
        const { authorization } = incoming.headers
        seen[name]?.add(
          authorization === undefined ? undefined : Buffer.from(authorization.slice(6), 'base64').toString(),
        )
        if (authorization !== undefined) return found(incoming, response)
        return response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
      }
    const nothing: Listener = (_, response) => response.writeHead(404).end()
    await using mirror = await serve(asking('mirror', nothing))
    await using origin = await serve(asking('origin', holding('app')))
    const passwords: Record<string, string> = { [mirror.host]: 'for-mirror', [origin.host]: 'for-origin' }
    await pulled(origin, [mirror.host], {
      credentials: (registry) => ({ username: 'me', password: passwords[registry] ?? 'for-nobody' }),
    })
    assert.equal([...(seen.mirror ?? [])], [undefined, 'me:for-mirror'])
    assert.equal([...(seen.origin ?? [])], [undefined, 'me:for-origin'])
  })

  test('pushes and lists of tags go to the registry itself', async () => {
    await using mirror = await serve(holding('app'))
    await using origin = await serve((incoming, response) => {
      if (incoming.url === '/v2/app/tags/list') return response.end('{"name":"app","tags":["a"]}')
      return response.writeHead(incoming.method === 'HEAD' ? 200 : 404).end()
    })
    await using client = createRegistryClient({
      dockerConfigPath: false,
      retry: quick,
      hosts: { [origin.host]: { mirrors: [mirror.host] } },
    })
    assert.equal(await client.listTags(origin.ref('app')), ['a'])
    const bytes = random(10)
    assert.is(await client.pushBlob(origin.ref('app'), blobOf(bytes), async function* () {}), 'exists')
    assert.equal(mirror.requests, [])
  })
})

tests('listTags()', (test) => {
  test('listTags() follows pages on the same host', async () => {
    const pages: Record<string, readonly [string, string?]> = {
      '/v2/a/tags/list': ['["1","2"]', '</v2/a/tags/list?last=2>; rel="next"'],
      '/v2/a/tags/list?last=2': ['["3"]', '<http://elsewhere.test/v2/a/tags/list>; rel="next"'],
      '/v2/none/tags/list': ['null'],
      '/v2/bad/tags/list': ['["../x"]'],
      '/v2/odd/tags/list': ['{}'],
    }
    await using server = await serve((incoming, response) => {
      if (incoming.url === '/v2/') return response.end()
      const [tags, link] = pages[incoming.url ?? ''] ?? []
      if (tags === undefined) return response.writeHead(404).end('{"errors":[{"code":"NAME_UNKNOWN"}]}')
      if (link !== undefined) response.setHeader('link', link)
      return response.end(`{"tags":${tags}}`)
    })
    await using client = createRegistryClient({ dockerConfigPath: false, retry: quick })
    assert.equal(await client.listTags(server.ref('a')), ['1', '2', '3'])
    assert.equal(await client.listTags(server.ref('none')), [])
    await fails(client.listTags(server.ref('bad')), 'REGISTRY_FAILED', /no list of tags/)
    await fails(client.listTags(server.ref('odd')), 'REGISTRY_FAILED', /no list of tags/)
    await fails(client.listTags(server.ref('gone')), 'REPOSITORY_NOT_FOUND')
  })
})
