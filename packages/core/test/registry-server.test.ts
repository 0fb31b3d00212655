import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { createRegistryClient } from '@tsbuild/registry'
import { type Descriptor, digestOf, mediaTypes, parseReference } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { ask, serve, untilWritten, upload } from './registry-served.js'

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
})
