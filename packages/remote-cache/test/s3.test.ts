import { once } from 'node:events'
import { readFile, utimes, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer, request } from 'node:http'
import { type AddressInfo, connect, createServer } from 'node:net'
import { openS3Cache, type S3CacheOptions } from '@tsbuild/remote-cache'
import { type ByteStream, type Descriptor, digestOf, hasCode } from '@tsbuild/spec'
import { cacheBackendConformance, type S3Server, startS3Server, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

function optionsFor(server: S3Server): S3CacheOptions {
  const { bucket, region, accessKeyId, secretAccessKey } = server
  return { bucket, region, accessKeyId, secretAccessKey, endpointUrl: server.url, usePathStyle: true, prefix: 'app/' }
}

const bytes = Buffer.alloc(9_000_000, 'some bytes of a layer ')
const blob: Descriptor = { mediaType: 'application/octet-stream', digest: digestOf(bytes), size: bytes.length }
const key = `app/blobs/${blob.digest}`

async function* give(): ByteStream {
  for (let at = 0; at < bytes.length; at += 1 << 16) yield bytes.subarray(at, at + (1 << 16))
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => assert.unreachable('nothing was thrown'),
    (error) => error,
  )
}

async function sizeOf(data: ByteStream): Promise<number> {
  let size = 0
  for await (const chunk of data) size += chunk.length
  return size
}

const shared = await startS3Server()
let places = 0

tests('s3 cache', (test) => {
  cacheBackendConformance(test, async () => {
    const server = shared
    const prefix = `place-${++places}/`
    return {
      open: () => openS3Cache({ ...optionsFor(server), prefix }),
      damage: async (record) => {
        const path = server.objectPath(`${prefix}blobs/${record}`)
        const content = await readFile(path)
        content[3] = 0
        await writeFile(path, content)
      },
      secrets: [server.accessKeyId, server.secretAccessKey],
      [Symbol.asyncDispose]: async () => {},
    }
  })

  const mistakes: Record<string, [change: Partial<S3CacheOptions>, code: string]> = {
    'another secret key': [{ secretAccessKey: 'wrong' }, 'CACHE_DENIED'],
    'an unknown access key': [{ accessKeyId: 'wrong' }, 'CACHE_DENIED'],
    'a bucket that is not there': [{ bucket: 'missing-bucket' }, 'CACHE_OPTION_INVALID'],
    'a server that is not there': [{ endpointUrl: 'http://127.0.0.1:1', attempts: 1 }, 'CACHE_UNREACHABLE'],
  }
  for (const [what, [change, code]] of Object.entries(mistakes)) {
    test(`put() fails with ${code} for ${what}`, async () => {
      await using cache = openS3Cache({ ...optionsFor(shared), ...change })
      const error = await failureOf(cache.put(blob, give))
      assert.ok(hasCode(error, code), String(error))
      assert.not.ok((error as Error).message.includes('S3RVER'))
    })
  }

  const invalid: Record<string, [change: Partial<S3CacheOptions>, why: RegExp]> = {
    'an empty bucket': [{ bucket: '' }, /bucket .* empty/],
    'a bucket with a path': [{ bucket: 'a/b' }, /prefix/],
    'no name': [{ names: [] }, /name/],
    'half a key': [{ accessKeyId: 'a' }, /go together/],
    'an endpoint without a scheme': [{ endpointUrl: 'localhost:9000' }, /not http/],
    'an endpoint with a password': [{ endpointUrl: 'http://me:secret@localhost' }, /credentials/],
  }
  for (const [what, [change, why]] of Object.entries(invalid)) {
    test(`openS3Cache() refuses ${what}`, () => {
      assert.throws(
        () => openS3Cache({ bucket: 'bucket', ...change }),
        (error: Error) =>
          hasCode(error, 'CACHE_OPTION_INVALID') && why.test(error.message) && !/secret@/.test(error.message),
      )
    })
  }

  test('putRecord() writes under all names, getRecord() reads the first', async () => {
    await using server = await startS3Server()
    await using both = openS3Cache({ ...optionsFor(server), names: ['one', 'two'] })
    await both.putRecord(Buffer.from('record'), [blob])
    await using second = openS3Cache({ ...optionsFor(server), names: ['two', 'three'] })
    assert.is(Buffer.from((await second.getRecord()) ?? []).toString(), 'record')
    await using third = openS3Cache({ ...optionsFor(server), names: ['three'] })
    assert.is(await third.getRecord(), undefined)
  })

  test('getRecord() refuses what another program wrote under the name', async () => {
    await using server = await startS3Server()
    await using cache = openS3Cache(optionsFor(server))
    await cache.putRecord(Buffer.from('record'), [blob])
    for (const text of ['{"layers":[]}', 'no JSON', '[]']) {
      await writeFile(server.objectPath('app/manifests/tsbuild'), text)
      assert.ok(hasCode(await failureOf(cache.getRecord()), 'CACHE_INVALID'), text)
    }
  })

  test('has() renews what is a day old', async () => {
    await using server = await startS3Server()
    await using cache = openS3Cache(optionsFor(server))
    await cache.put(blob, give)
    const old = new Date(Date.now() - 2 * 86_400_000)
    await utimes(server.objectPath(key), old, old)
    assert.is((await cache.has([blob.digest])).size, 1)
    await server.saw(/^PUT .*\/blobs\/sha256.*CopyObject/)
    assert.is(await sizeOf(cache.get(blob)), bytes.length)
  })

  test('has() asks by HEAD alone', async () => {
    await using server = await startS3Server()
    await using cache = openS3Cache(optionsFor(server))
    const digests = Array.from({ length: 100 }, (_, index) => digestOf(`${index}`))
    await cache.has(digests)
    await cache.getRecord()
    await server.saw(/manifests/)
    assert.is(server.requests().filter((line) => line.startsWith('HEAD ')).length, 100)
    assert.is(server.requests().length, 101)
  })

  test('put() in parts that is aborted takes its parts back', async () => {
    await using server = await startS3Server()
    await using cache = openS3Cache(optionsFor(server))
    const large = { ...blob, size: 40_000_000 }
    const controller = new AbortController()
    const begun = (line: string) => line.startsWith('PUT') && line.includes('partNumber=1')
    const endless = async function* () {
      for (;;) {
        yield* give()
        if (server.requests().some(begun)) controller.abort(new Error('enough'))
      }
    }
    const error = await failureOf(cache.put(large, endless, { signal: controller.signal }))
    assert.is((error as Error).message, 'enough')
    await server.saw(/^DELETE .*uploadId=/)
    assert.is((await cache.has([blob.digest])).size, 0)
  })

  test('put() makes no object where a part was refused while the stream made a pause', async () => {
    await using server = await startS3Server()
    let refuse = () => {}
    const refused = new Promise<void>((resolve) => {
      refuse = resolve
    })
    await using proxy = await refusingProxy(server.port, /partNumber=1&/, refuse)
    await using cache = openS3Cache({ ...optionsFor(server), endpointUrl: proxy.url })
    const pausing = async function* () {
      yield bytes.subarray(0, 6_000_000)
      await refused
      yield bytes.subarray(6_000_000)
    }
    assert.ok(hasCode(await failureOf(cache.put(blob, pausing)), 'CACHE_DENIED'))
    await server.saw(/^DELETE .*uploadId=/)
    assert.is((await cache.has([blob.digest])).size, 0)
    assert.not.ok(server.requests().some((line) => /^POST .*uploadId=/.test(line)))
  })

  test('put() and get() fail when the server dies on the way', async () => {
    await using server = await startS3Server()
    await using cache = openS3Cache({ ...optionsFor(server), attempts: 2 })
    await cache.put(blob, give)
    const read = async () => {
      for await (const _ of cache.get(blob)) await server.kill()
    }
    assert.ok(hasCode(await failureOf(read()), 'CACHE_UNREACHABLE'))
    assert.ok(hasCode(await failureOf(cache.put(blob, give)), 'CACHE_UNREACHABLE'))
    assert.ok(hasCode(await failureOf(cache.getRecord()), 'CACHE_UNREACHABLE'))
  })

  test('get() goes on where a connection broke', async () => {
    await using server = await startS3Server()
    await using cut = await cuttingProxy(server.port, 3_000_000)
    await using direct = openS3Cache(optionsFor(server))
    await direct.put(blob, give)
    await using cache = openS3Cache({ ...optionsFor(server), endpointUrl: cut.url })
    const chunks: Uint8Array[] = []
    for await (const chunk of cache.get(blob)) chunks.push(chunk)
    assert.is(digestOf(Buffer.concat(chunks)), blob.digest)
    const gets = server.requests().filter((line) => line.startsWith('GET'))
    assert.ok(gets.length >= 2, String(gets.length))
  })

  test('every call gives up on a silent server when it is aborted', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    try {
      const endpointUrl = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
      const keys = { accessKeyId: 'a', secretAccessKey: 'b', region: 'us-east-1' }
      await using cache = openS3Cache({ bucket: 'bucket', endpointUrl, usePathStyle: true, ...keys })
      const calls = [
        (signal: AbortSignal) => cache.has([blob.digest], { signal }),
        (signal: AbortSignal) => cache.put(blob, give, { signal }),
        (signal: AbortSignal) => sizeOf(cache.get(blob, { signal })),
        (signal: AbortSignal) => cache.getRecord({ signal }),
        (signal: AbortSignal) => cache.putRecord(bytes, [blob], { signal }),
      ]
      for (const call of calls) {
        const controller = new AbortController()
        const reason = new Error('too slow')
        const connected = once(silent, 'connection')
        const failed = failureOf(call(controller.signal))
        await connected
        controller.abort(reason)
        assert.is(await failed, reason)
      }
    } finally {
      silent.close()
    }
  })
})

/** Passes connections on, and cuts the first one that brings more than `limit` bytes back. */
async function cuttingProxy(port: number, limit: number): Promise<AsyncDisposable & { readonly url: string }> {
  let cuts = 0
  const proxy = createServer((client) => {
    const server = connect(port, '127.0.0.1')
    let sent = 0
    const end = () => {
      client.destroy()
      server.destroy()
    }
    client.on('error', end).on('close', end)
    server.on('error', end).on('close', end)
    client.pipe(server)
    server.on('data', (chunk) => {
      client.write(chunk)
      sent += chunk.length
      if (sent > limit && cuts++ === 0) end()
    })
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => void proxy.close(),
  }
}

/** Passes requests on, but answers 403 to those like `pattern`. */
async function refusingProxy(
  port: number,
  pattern: RegExp,
  refused: () => void,
): Promise<AsyncDisposable & { readonly url: string }> {
  const proxy = createHttpServer((incoming, response) => {
    if (pattern.test(incoming.url ?? '')) {
      incoming.resume()
      response.writeHead(403, { 'content-type': 'application/xml', connection: 'close' })
      response.end('<Error><Code>AccessDenied</Code><Message>not this one</Message></Error>', refused)
      return
    }
    const { method, url, headers } = incoming
    const outgoing = request({ port, host: '127.0.0.1', method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(response)
    })
    outgoing.on('error', () => response.destroy())
    incoming.pipe(outgoing)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => void proxy.close(),
  }
}
