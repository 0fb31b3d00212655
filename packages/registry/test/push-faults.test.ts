import { setTimeout as sleep } from 'node:timers/promises'
import { createRegistryClient } from '@tsbuild/registry'
import { parseReference } from '@tsbuild/spec'
import { startRegistry, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { blobOf, fails, opener, quick, random, serve, startTamperer } from './support.js'
import { blob, bytes, skip } from './transfer-faults-support.js'

tests('pushBlob() under faults', (test) => {
  test(
    'pushBlob() starts over where a broken upload cannot be continued',
    async () => {
      await using registry = await startRegistry()
      let broken = 0
      await using server = await startTamperer(`127.0.0.1:${registry.port}`, (incoming) => {
        if (incoming.method !== 'PATCH' || broken === 2) return false
        broken++
        incoming.once('data', () => incoming.socket.destroy())
        return true
      })
      await using client = createRegistryClient({ dockerConfigPath: false, retry: quick })
      assert.is(await client.pushBlob(server.ref('app'), blob, opener(bytes)), 'pushed')
      assert.is(broken, 2)
      assert.equal(Buffer.from(await client.readBlob(server.ref('app'), blob)), bytes)
    },
    { skip },
  )

  test('pushBlob() goes on from where the registry got to', async () => {
    const received: Buffer[] = []
    const size = () => received.reduce((sum, { length }) => sum + length, 0)
    await using server = await serve(async (incoming, response) => {
      const location = '/upload/1?_state=a%2Fb'
      if (incoming.method === 'HEAD') return response.writeHead(404).end()
      if (incoming.method === 'POST') return response.writeHead(202, { location }).end()
      if (incoming.method === 'GET') {
        if (incoming.url === '/v2/') return response.end()
        return response.writeHead(204, { location, range: `0-${size() - 1}` }).end()
      }
      if (incoming.method === 'PUT') return response.writeHead(201).end()
      for await (const chunk of incoming) {
        received.push(chunk as Buffer)
        if (size() > 900_000 && incoming.headers['content-range'] === undefined) return incoming.socket.destroy()
      }
      return response.writeHead(202, { location }).end()
    })
    await using client = createRegistryClient({ dockerConfigPath: false, retry: quick })
    const offsets: number[] = []
    const open = (offset: number) => {
      offsets.push(offset)
      return opener(bytes)(offset)
    }
    assert.is(await client.pushBlob(server.ref('app'), blob, open), 'pushed')
    assert.is(offsets.length, 2)
    assert.ok(offsets[1]! > 900_000)
    assert.ok(Buffer.concat(received).equals(bytes))
    assert.is(server.requests.at(-1), `PUT /upload/1?_state=a%2Fb&digest=${encodeURIComponent(blob.digest)}`)
  })

  test('pushBlob() ends at once when the registry answers early', async () => {
    await using server = await serve((incoming, response) => {
      if (incoming.method === 'HEAD') return response.writeHead(404).end()
      if (incoming.method === 'POST') return response.writeHead(202, { location: '/upload' }).end()
      if (incoming.method === 'PATCH') return response.writeHead(413).end('too large')
      return response.end()
    })
    await using client = createRegistryClient({ dockerConfigPath: false, retry: quick })
    await fails(client.pushBlob(server.ref('app'), blob, opener(bytes)), 'REGISTRY_FAILED', /answered 413: too large/)
    for (let count = 0; count < 40 && server.requests.at(-1) !== 'DELETE /upload'; count++) await sleep(10)
    assert.is(server.requests.at(-1), 'DELETE /upload')
  })

  test(
    'pushBlob() refuses a stream that is not the blob, and a registry that stored another one',
    async () => {
      await using registry = await startRegistry()
      await using client = createRegistryClient({ dockerConfigPath: false, retry: quick })
      const reference = parseReference(`${registry.host}/app`)
      await fails(client.pushBlob(reference, blob, opener(bytes.subarray(1))), 'DIGEST_MISMATCH')
      await fails(client.pushBlob(reference, blob, opener(Buffer.concat([bytes, bytes]))), 'DIGEST_MISMATCH')
      await fails(client.pushBlob(reference, blob, opener(Buffer.alloc(bytes.length))), 'DIGEST_MISMATCH')
      const own = new Error('SNAPSHOT_CHANGED')
      const broken = async function* () {
        yield bytes.subarray(0, 10)
        throw own
      }
      assert.is(await client.pushBlob(reference, blob, broken).catch((failure: unknown) => failure), own)
      assert.is(await client.hasBlob(reference, blob), false)
      await using liar = await serve((incoming, response) => {
        if (incoming.method === 'PUT')
          return response.writeHead(201, { 'docker-content-digest': blobOf(random(3)).digest }).end()
        if (incoming.method === 'POST') return response.writeHead(202, { location: '/upload' }).end()
        return response.writeHead(incoming.method === 'HEAD' ? 404 : 200).end()
      })
      await fails(
        client.pushBlob(liar.ref('app'), blobOf(Buffer.from('x')), opener(Buffer.from('x'))),
        'DIGEST_MISMATCH',
        /stored sha256/,
      )
      await fails(client.pushManifest(liar.ref('app'), Buffer.from('{}'), 'x/y'), 'DIGEST_MISMATCH', /stored sha256/)
    },
    { skip },
  )

  test('pushBlob() does not retry for ever', async () => {
    await using server = await serve((incoming, response) => {
      if (incoming.method === 'HEAD') return response.writeHead(404).end()
      if (incoming.method === 'POST') return response.writeHead(202, { location: '/upload' }).end()
      if (incoming.url === '/v2/') return response.end()
      return incoming.socket.destroy()
    })
    await using client = createRegistryClient({ dockerConfigPath: false, retry: quick })
    await fails(client.pushBlob(server.ref('app'), blob, opener(bytes)), 'REGISTRY_UNREACHABLE')
    assert.is(server.requests.filter((line) => line.startsWith('PATCH')).length, 3)
  })
})
