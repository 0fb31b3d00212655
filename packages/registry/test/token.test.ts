import type { IncomingMessage, ServerResponse } from 'node:http'
import { createRegistryClient } from '@tsbuild/registry'
import { mediaTypes } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { blobOf, fails, opener, quick, serve, smallImage, type TestServer } from './support.js'

interface TokenServer {
  readonly asked: {
    readonly method: string
    readonly query: URLSearchParams
    readonly authorization: string | undefined
    readonly body: string
  }[]
  valid: Set<string>
}

/** A registry and token service in one: every token is valid until the test forgets it. */
async function tokenRegistry(
  body: (host: string, state: TokenServer) => Promise<void>,
  answer: object = { expires_in: 300 },
): Promise<void> {
  const image = smallImage()
  const state: TokenServer = { asked: [], valid: new Set() }
  let host = ''
  const registry = (incoming: IncomingMessage, response: ServerResponse) => {
    const token = incoming.headers.authorization?.replace('Bearer ', '') ?? ''
    if (!state.valid.has(token)) {
      const challenge = `Bearer realm="http://${host}/token",service="the service",scope="repository:ignored:pull"`
      return response.writeHead(401, { 'www-authenticate': challenge }).end()
    }
    if (incoming.method === 'HEAD') return response.writeHead(200).end()
    return response.writeHead(200, { 'content-type': mediaTypes.ociManifest }).end(image.bytes)
  }
  await using server: TestServer = await serve(async (incoming, response) => {
    const url = new URL(incoming.url ?? '/', 'http://x')
    if (url.pathname !== '/token') return registry(incoming, response)
    let text = ''
    for await (const chunk of incoming) text += String(chunk)
    state.asked.push({
      method: incoming.method ?? '',
      query: url.searchParams,
      authorization: incoming.headers.authorization,
      body: text,
    })
    const token = `token-${state.asked.length}`
    state.valid.add(token)
    return response.end(JSON.stringify({ token, ...answer }))
  })
  host = server.host
  await body(host, state)
}

const ref = (host: string, repository = 'team/app') => ({ registry: host, repository, tag: 'latest' })

tests('bearer tokens', (test) => {
  test('a token is asked for once for each scope, with service, and account when there is one', async () => {
    await tokenRegistry(async (host, { asked }) => {
      await using client = createRegistryClient({
        dockerConfigPath: false,
        credentials: () => ({ username: 'u', password: 'pässword' }),
      })
      await Promise.all([client.resolve(ref(host)), client.resolve(ref(host))])
      await client.resolve(ref(host))
      await client.resolve(ref(host, 'other'))
      await client.pushBlob(ref(host), blobOf(Buffer.from('x')), opener(Buffer.from('x')))
      assert.equal(
        asked.map(({ query }) => query.get('scope')),
        ['repository:team/app:pull', 'repository:other:pull', 'repository:team/app:pull,push'],
      )
      assert.is(asked[0]?.query.get('service'), 'the service')
      assert.is(asked[0]?.query.get('account'), 'u')
      assert.is(asked[0]?.authorization, `Basic ${Buffer.from('u:pässword').toString('base64')}`)
    })
  })

  test('without credentials the token is anonymous', async () => {
    await tokenRegistry(async (host, { asked }) => {
      await using client = createRegistryClient({ dockerConfigPath: false })
      await client.resolve(ref(host))
      assert.is(asked[0]?.authorization, undefined)
      assert.is(asked[0]?.query.has('account'), false)
    })
  })

  test('an identity token is sent by POST', async () => {
    await tokenRegistry(async (host, { asked }) => {
      await using client = createRegistryClient({
        dockerConfigPath: false,
        credentials: () => ({ identityToken: 'long-lived' }),
      })
      await client.resolve(ref(host))
      const form = new URLSearchParams(asked[0]?.body)
      assert.is(asked[0]?.method, 'POST')
      assert.equal(
        [form.get('grant_type'), form.get('refresh_token'), form.get('scope')],
        ['refresh_token', 'long-lived', 'repository:team/app:pull'],
      )
    })
  })

  test('a token that ran out, or is refused, is asked for again', async () => {
    await tokenRegistry(async (host, { asked, valid }) => {
      await using client = createRegistryClient({ dockerConfigPath: false })
      await client.resolve(ref(host))
      valid.clear()
      await client.resolve(ref(host))
      assert.is(asked.length, 2)
    })
    await tokenRegistry(
      async (host, { asked }) => {
        await using client = createRegistryClient({ dockerConfigPath: false })
        await client.resolve(ref(host))
        await client.resolve(ref(host))
        assert.is(asked.length, 2)
      },
      { expires_in: 0.001 },
    )
  })

  test('a refused token is REGISTRY_UNAUTHORIZED and no message shows it', async () => {
    await using server = await serve((incoming, response) => {
      if (incoming.url?.startsWith('/token')) return response.end(JSON.stringify({ access_token: 'very-secret-token' }))
      const body = JSON.stringify({
        errors: [{ code: 'UNAUTHORIZED', message: `bad ${incoming.headers.authorization}` }],
      })
      return response
        .writeHead(401, { 'www-authenticate': `Bearer realm="http://${incoming.headers.host}/token"` })
        .end(body)
    })
    await using client = createRegistryClient({ dockerConfigPath: false, retry: quick })
    const error = await fails(client.resolve(server.ref('x')), 'REGISTRY_UNAUTHORIZED', /bad/)
    assert.not.match(error.message, /very-secret-token/)
    assert.is(server.requests.filter((line) => line.startsWith('GET /v2/x')).length, 2)
  })

  test('a token service that is not reached securely gets no credentials', async () => {
    for (const realm of ['http://tokens.example/token', 'ftp://x/', '/token', '']) {
      await using server = await serve((_, response) =>
        response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` }).end(),
      )
      await using client = createRegistryClient({
        dockerConfigPath: false,
        retry: quick,
        credentials: () => ({ username: 'u', password: 'pass' }),
      })
      await fails(client.resolve(server.ref('x')), 'REGISTRY_FAILED', /no token service that is reached by HTTPS/)
    }
  })
})
