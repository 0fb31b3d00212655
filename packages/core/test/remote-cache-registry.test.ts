import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openSessionLocks } from '@tsbuild/host'
import { createRegistryClient, createRegistryServer } from '@tsbuild/registry'
import { openRegistryCache } from '@tsbuild/remote-cache'
import {
  canonicalJson,
  type Descriptor,
  type Digest,
  digestHex,
  digestOf,
  hasCode,
  type JsonValue,
  mediaTypes,
  parseReference,
} from '@tsbuild/spec'
import { openStore } from '@tsbuild/store'
import {
  cacheBackendConformance,
  type OpenCacheUnderTest,
  type RegisterTest,
  registryProblem,
  startRegistry,
  tempDir,
  tests,
} from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

/** A registry, and the file in which it keeps a blob. */
interface Served extends AsyncDisposable {
  readonly host: string
  blobPath(digest: Digest): string
}

const client = createRegistryClient({
  dockerConfigPath: false,
  env: {},
  retry: { attempts: 2, backoffMs: 10 },
})

/** One for all tests: starting it is the long part. */
let started: ReturnType<typeof startRegistry> | undefined

async function otherMaker(): Promise<Served> {
  started ??= startRegistry()
  const { host, storage } = await started
  const blobPath = (digest: Digest) => {
    const hex = digestHex(digest)
    return join(storage, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data')
  }
  return { host, blobPath, [Symbol.asyncDispose]: async () => {} }
}

async function own(): Promise<Served> {
  const dir = await tempDir('tsbuild-registry-')
  const sessions = openSessionLocks(join(dir.path, 'locks'))
  const store = await openStore(dir.path, { sessions })
  const server = await createRegistryServer({ storage: store.repositories })
  return {
    host: `localhost:${server.port}`,
    blobPath: (digest) => store.content.blobPath(digest),
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
      await sessions[Symbol.asyncDispose]()
      await dir[Symbol.asyncDispose]()
    },
  }
}

let places = 0

function underTest(serve: () => Promise<Served>): OpenCacheUnderTest {
  return async () => {
    const served = await serve()
    const reference = parseReference(`${served.host}/app-${++places}/cache:main`)
    return {
      open: () => openRegistryCache({ client, reference }),
      damage: async (record) => {
        const path = served.blobPath(record)
        const bytes = await readFile(path)
        bytes[3] = 0
        await writeFile(path, bytes)
      },
      [Symbol.asyncDispose]: () => served[Symbol.asyncDispose](),
    }
  }
}

tests('cache in our registry', (test) => {
  cacheBackendConformance(test, underTest(own))
  registryCases(test, own)
})

tests('cache in a registry of another maker', (test) => {
  const skip = registryProblem()
  const real: RegisterTest = (title, body, options) => test(title, body, { skip, ...options })
  cacheBackendConformance(real, underTest(otherMaker))
  registryCases(real, otherMaker)
  real('the registry ends', async () => (await started)?.[Symbol.asyncDispose]())
})

function registryCases(test: RegisterTest, serve: () => Promise<Served>): void {
  test('put() mounts what another repository of the registry has', async () => {
    await using served = await serve()
    const [from, to] = ['app/image', 'app/cache'].map((name) => parseReference(`${served.host}/${name}:1`))
    const bytes = Buffer.alloc(100_000, 'a layer ')
    const descriptor = { mediaType: mediaTypes.ociLayer, digest: digestOf(bytes), size: bytes.length }
    await using first = openRegistryCache({ client, reference: from! })
    await first.put(descriptor, () => give(bytes))
    await using second = openRegistryCache({ client, reference: to! })
    const sources = [
      { registry: 'elsewhere.example', repository: 'app/other' },
      { registry: served.host, repository: 'app/image' },
    ]
    const unread = () => {
      throw new Error('it was asked for')
    }
    await second.put(descriptor, unread, { sources })
    assert.is((await second.has([descriptor.digest])).size, 1)
  })

  test('putRecord() makes an image manifest that names all blobs', async () => {
    await using served = await serve()
    const reference = parseReference(`${served.host}/app/cache:1`)
    await using cache = openRegistryCache({ client, reference })
    await cache.putRecord(Buffer.from('{}'), [])
    const { descriptor, bytes } = await client.fetchManifest(reference)
    assert.is(descriptor.mediaType, mediaTypes.ociManifest)
    const manifest = JSON.parse(Buffer.from(bytes).toString())
    assert.is(manifest.config.mediaType, 'application/vnd.tsbuild.cache.config.v1+json')
    assert.is(manifest.layers.length, 1)
    await using pinned = openRegistryCache({
      client,
      reference: { registry: reference.registry, repository: reference.repository, digest: descriptor.digest },
    })
    assert.is(Buffer.from((await pinned.getRecord()) ?? []).toString(), '{}')
    const refused = await pinned.putRecord(Buffer.from('{}'), []).catch((error: unknown) => error)
    assert.ok(hasCode(refused, 'CACHE_OPTION_INVALID'))
  })

  test('getInline() reads the cache of an image, also through an index', async () => {
    await using served = await serve()
    const layer = Buffer.alloc(5_000, 'layer ')
    const value = { steps: ['a', 'b'], note: '☃' }
    const image = await pushImage(`${served.host}/app/image:1`, layer, { 'tsbuild.cache.v1': value })
    await pushIndex(`${served.host}/app/image:all`, image.manifest)
    for (const tag of ['1', 'all']) {
      const reference = parseReference(`${served.host}/app/image:${tag}`)
      await using cache = openRegistryCache({ client, reference })
      const inline = await cache.getInline({ platform: { os: 'linux', architecture: 'arm64' } })
      assert.is(Buffer.from(inline?.record ?? []).toString(), canonicalJson(value))
      assert.equal(inline?.manifest.layers, [image.layer])
      assert.equal(inline?.diffIds, [image.layer.digest])
      assert.is(inline?.descriptor.digest, image.manifest.digest)
      assert.is(await cache.getRecord(), undefined)
      const hash = createHash('sha256')
      for await (const chunk of cache.get(image.layer)) hash.update(chunk)
      assert.is(`sha256:${hash.digest('hex')}`, image.layer.digest)
    }
    const reference = parseReference(`${served.host}/app/image:all`)
    await using other = openRegistryCache({ client, reference })
    assert.is(await other.getInline({ platform: { os: 'linux', architecture: 's390x' } }), undefined)
  })

  test('getInline() finds none where there is none, and refuses what does not fit', async () => {
    await using served = await serve()
    const layer = Buffer.alloc(5_000, 'layer ')
    await pushImage(`${served.host}/app/image:plain`, layer, {})
    await pushImage(`${served.host}/app/image:odd`, layer, { 'tsbuild.cache.v1': {}, rootfs: { diff_ids: [] } })
    const inlineOf = async (tag: string) => {
      const reference = parseReference(`${served.host}/app/image:${tag}`)
      await using cache = openRegistryCache({ client, reference })
      return await cache.getInline()
    }
    assert.is(await inlineOf('plain'), undefined)
    assert.is(await inlineOf('absent'), undefined)
    assert.ok(hasCode(await inlineOf('odd').catch((error: unknown) => error), 'CACHE_INVALID'))
  })
}

tests('cache in a registry that is not there', (test) => {
  test('every call fails with CACHE_UNREACHABLE', async () => {
    await using cache = openRegistryCache({ client, reference: parseReference('127.0.0.1:1/app/cache:1') })
    const digest = digestOf('x')
    const descriptor = { mediaType: mediaTypes.ociLayer, digest, size: 1 }
    const calls = [
      cache.has([digest]),
      cache.put(descriptor, () => give(Buffer.from('x'))),
      cache.getRecord(),
      cache.getInline(),
      cache.putRecord(Buffer.from('{}'), [descriptor]),
      cache.get(descriptor)[Symbol.asyncIterator]().next(),
    ]
    for (const call of await Promise.allSettled(calls)) {
      const error = call.status === 'rejected' ? call.reason : undefined
      assert.ok(hasCode(error, 'CACHE_UNREACHABLE'), String(error))
    }
  })
})

async function* give(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}

async function pushImage(name: string, layer: Uint8Array, members: Record<string, JsonValue>) {
  const reference = parseReference(name)
  const described = { mediaType: mediaTypes.ociLayer, digest: digestOf(layer), size: layer.length }
  await client.pushBlob(reference, described, () => give(layer))
  const rootfs = { type: 'layers', diff_ids: [described.digest] }
  const config = Buffer.from(canonicalJson({ architecture: 'arm64', os: 'linux', rootfs, ...members }))
  const configDescriptor = { mediaType: mediaTypes.ociConfig, digest: digestOf(config), size: config.length }
  await client.pushBlob(reference, configDescriptor, () => give(config))
  const document = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: configDescriptor,
    layers: [described],
  }
  const bytes = Buffer.from(canonicalJson(document))
  const digest = await client.pushManifest(reference, bytes, mediaTypes.ociManifest)
  return { layer: described, manifest: { mediaType: mediaTypes.ociManifest, digest, size: bytes.length } }
}

async function pushIndex(name: string, manifest: Descriptor): Promise<void> {
  const platform = { os: 'linux', architecture: 'arm64' }
  const document = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [{ ...manifest, platform }] }
  await client.pushManifest(parseReference(name), Buffer.from(canonicalJson(document as never)), mediaTypes.ociIndex)
}
