import type { ServerResponse } from 'node:http'
import { createRegistryClient, type RegistryClient } from '@tsbuild/registry'
import { type Descriptor, parseReference } from '@tsbuild/spec'
import { freePort, startRegistry, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { fails, MemorySink, opener, quick, serve, startTamperer, type Tamper, type TestServer } from './support.js'
import { blob, bytes, skip } from './transfer-faults-support.js'

/** A blob in a real registry, seen through a server that does harm to it. */
async function withBlob(
  tamper: Tamper,
  body: (client: RegistryClient, server: TestServer) => Promise<void>,
): Promise<void> {
  await using registry = await startRegistry()
  await using direct = createRegistryClient({ dockerConfigPath: false })
  await direct.pushBlob(parseReference(`${registry.host}/app`), blob, opener(bytes))
  await using server = await startTamperer(`127.0.0.1:${registry.port}`, tamper)
  await using client = createRegistryClient({ dockerConfigPath: false, retry: quick })
  await body(client, server)
}

const isBlobGet = (method: string | undefined, url: string | undefined) =>
  method === 'GET' && url === `/v2/app/blobs/${blob.digest}`

/** Says that a request has been dealt with. */
function handled(_answer: unknown): true {
  return true
}

function cut(response: ServerResponse, from: number, to: number): void {
  response.writeHead(from === 0 ? 200 : 206, {
    'content-length': bytes.length - from,
    ...(from === 0 ? {} : { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
  })
  response.write(bytes.subarray(from, to), () => setTimeout(() => response.destroy(), 20))
}

async function pulled(client: RegistryClient, server: TestServer, descriptor: Descriptor = blob): Promise<void> {
  const sink = new MemorySink()
  await client.pullBlob(server.ref('app'), descriptor, sink)
  assert.ok(sink.blobs.get(blob.digest)?.equals(bytes))
}

function endless(response: ServerResponse): void {
  response.on('error', () => {})
  const more = () => {
    while (!response.destroyed && response.write(bytes.subarray(0, 100_000)));
    if (!response.destroyed) response.once('drain', more)
  }
  more()
}

tests('pullBlob() under faults', (test) => {
  test(
    'pullBlob() goes on by range requests after broken connections',
    async () => {
      const ranges: (string | undefined)[] = []
      await withBlob((incoming, response, count) => {
        if (!isBlobGet(incoming.method, incoming.url)) return false
        ranges.push(incoming.headers.range)
        if (count > 3) return false
        const from = Number(/bytes=(\d+)/.exec(incoming.headers.range ?? '')?.[1] ?? 0)
        cut(response, from, from + 500_000)
        return true
      }, pulled)
      assert.equal(ranges, [undefined, 'bytes=500000-', 'bytes=1000000-', 'bytes=1500000-'])
    },
    { skip },
  )

  test(
    'pullBlob() skips what it has where the server knows no ranges',
    async () => {
      await withBlob((incoming, response, count) => {
        if (!isBlobGet(incoming.method, incoming.url)) return false
        if (count === 1) cut(response, 0, 700_000)
        else response.writeHead(200, { 'content-length': bytes.length }).end(bytes)
        return true
      }, pulled)
    },
    { skip },
  )

  test(
    'pullBlob() gives up a stalled connection and goes on',
    async () => {
      await withBlob((incoming, response, count) => {
        if (!isBlobGet(incoming.method, incoming.url) || count > 1) return false
        response.writeHead(200, { 'content-length': bytes.length })
        response.write(bytes.subarray(0, 100_000))
        return true
      }, pulled)
    },
    { skip },
  )

  test(
    'pullBlob() waits as Retry-After says, and retries 5xx',
    async () => {
      const times: number[] = []
      await withBlob((incoming, response, count) => {
        if (!isBlobGet(incoming.method, incoming.url)) return false
        times.push(performance.now())
        if (count === 1) response.writeHead(429, { 'retry-after': '1' }).end()
        else if (count === 2) response.writeHead(503).end('busy')
        else return false
        return true
      }, pulled)
      assert.is(times.length, 3)
      assert.ok(times[1]! - times[0]! >= 990, String(times))
    },
    { skip },
  )

  const bad: Record<string, readonly [Tamper, Parameters<typeof fails>[1], RegExp]> = {
    'always ends early': [
      (_, response) => handled(cut(response, 0, 1000)),
      'BLOB_TRUNCATED',
      /ended after 1000 of 2500000 bytes/,
    ],
    'ends early, and says it is whole': [
      (_, response) => handled(response.end('short')),
      'BLOB_TRUNCATED',
      /ended after 5 of/,
    ],
    'is longer, and says so': [
      (_, response) => handled(response.end(Buffer.concat([bytes, bytes]))),
      'BLOB_OVERSIZED',
      /longer than the 2500000 bytes/,
    ],
    'never ends': [(_, response) => handled(endless(response)), 'BLOB_OVERSIZED', /longer/],
    'has other bytes': [
      (_, response) => handled(response.end(Buffer.alloc(bytes.length, 7))),
      'DIGEST_MISMATCH',
      /another digest/,
    ],
    'is too often asked for': [
      (_, response) => handled(response.writeHead(429).end()),
      'TOO_MANY_REQUESTS',
      /answered 429/,
    ],
    'may be asked for next week': [
      (_, response) => handled(response.writeHead(429, { 'retry-after': '604800' }).end()),
      'TOO_MANY_REQUESTS',
      /answered 429/,
    ],
    'is forbidden': [
      (_, response) => handled(response.writeHead(403).end('{"errors":[{"code":"DENIED","message":"no\\nway"}]}')),
      'REGISTRY_DENIED',
      /answered 403: no way$/,
    ],
    'is in a loop': [
      (incoming, response) => handled(response.writeHead(302, { location: incoming.url }).end()),
      'REGISTRY_FAILED',
      /more than 5 redirects/,
    ],
    'leads to a file': [
      (_, response) => handled(response.writeHead(302, { location: 'file:///etc/passwd' }).end()),
      'REGISTRY_FAILED',
      /not secure/,
    ],
    'comes as another range': [
      (_, response) => handled(response.writeHead(206, { 'content-range': 'bytes 5-9/10' }).end('01234')),
      'REGISTRY_FAILED',
      /another range/,
    ],
    'stalls each time': [
      (_, response) => handled(response.writeHead(200).flushHeaders()),
      'REGISTRY_UNREACHABLE',
      /sent nothing for 400 ms/,
    ],
  }

  for (const [title, [tamper, code, message]] of Object.entries(bad)) {
    test(`pullBlob() of a blob that ${title} is ${code}`, async () => {
      await using server = await serve((incoming, response) => {
        if (incoming.url === '/v2/') response.end()
        else tamper(incoming, response, 1)
      })
      await using client = createRegistryClient({ dockerConfigPath: false, retry: quick })
      await fails(client.pullBlob(server.ref('app'), blob, new MemorySink()), code, message)
    })
  }

  test('pullBlob() follows a redirect to another host without credentials', async () => {
    const seen: (string | undefined)[] = []
    await using storage = await serve((incoming, response) => {
      seen.push(incoming.headers.authorization)
      response.end(bytes)
    })
    await using server = await serve((incoming, response) => {
      if (incoming.headers.authorization === undefined)
        return response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
      return response.writeHead(307, { location: `http://${storage.host}/blob?signature=secret` }).end()
    })
    await using client = createRegistryClient({
      dockerConfigPath: false,
      credentials: () => ({ username: 'u', password: 'pass' }),
    })
    await pulled(client, server)
    assert.equal(seen, [undefined])
  })

  test('pullBlob() rejects with the reason of its signal, at once', async () => {
    await using server = await serve((_, response) => response.writeHead(200).write(bytes.subarray(0, 10)))
    await using client = createRegistryClient({ dockerConfigPath: false })
    const stop = new AbortController()
    const reason = new Error('enough')
    setTimeout(() => stop.abort(reason), 50)
    const start = performance.now()
    const error = await client
      .pullBlob(server.ref('app'), blob, new MemorySink(), { signal: stop.signal })
      .catch((failure: unknown) => failure)
    assert.is(error, reason)
    assert.ok(performance.now() - start < 1000)
  })

  test(
    'pullBlob() passes an error of the sink on, once',
    async () => {
      await withBlob(
        () => false,
        async (client, server) => {
          const full = new Error('disk full')
          const sink = new MemorySink()
          const ingest = await sink.openIngest(blob)
          let writes = 0
          const write = async () => {
            writes++
            throw full
          }
          const failing = { openIngest: async () => ({ ...ingest, write }) }
          assert.is(await client.pullBlob(server.ref('app'), blob, failing).catch((failure: unknown) => failure), full)
          assert.is(writes, 1)
        },
      )
    },
    { skip },
  )

  test('a host that nobody answers at is REGISTRY_UNREACHABLE', async () => {
    const host = `127.0.0.1:${await freePort()}`
    await using client = createRegistryClient({ dockerConfigPath: false, retry: quick })
    const error = await fails(
      client.resolve(parseReference(`${host}/app`)),
      'REGISTRY_UNREACHABLE',
      /Cannot fetch manifest of "127.0.0.1:\d+\/app:latest": cannot reach/,
    )
    assert.match(error.hint ?? '', /registry runs/)
  })
})
