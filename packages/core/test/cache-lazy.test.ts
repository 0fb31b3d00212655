import { readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { type Output, openEngine } from '@tsbuild/core'
import { openSessionLocks } from '@tsbuild/host'
import type { Digest, SnapshotName } from '@tsbuild/spec'
import { openStore } from '@tsbuild/store'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { build, contents, exportFiles, from, machine, to, writeContext } from './cache-machines.js'
import { layersOf, type OpenRoot, skip } from './images-support.js'
import { MemoryCacheBackend } from './memory-cache-backend.js'
import { serve } from './registry-served.js'

const pushTo = (host: string, name = 'app'): Output[] => [{ type: 'registry', names: [`${host}/${name}`] }]

const hostOf = ({ url }: { readonly url: string }) => url.replace(/^\w+:\/\//, '')

/** The files of an image that was pushed. */
async function pulledFiles(name: string): Promise<Record<string, string>> {
  await using open = await machine()
  const dest = join(open.path, 'pulled')
  await open.engine.build({
    context: join(open.path, 'context'),
    dockerfileText: `FROM ${name}\n`,
    outputs: [{ type: 'local', dest }],
  })
  return await contents(dest)
}

/** So that a file that is copied again gives the same layer. */
async function sameTimes({ path }: OpenRoot): Promise<void> {
  for (const name of ['a', 'b', 'c', 'big', '.']) await utimes(join(path, 'context', name), 1_000_000, 1_000_000)
}

/** Takes the rows of layers away, but for some: a kill between the two would leave them so. */
async function forgetRows(root: string, kept: readonly string[]): Promise<void> {
  await using sessions = openSessionLocks(join(root, 'locks'))
  await using store = await openStore(root, { sessions })
  for (const name of await layersOf(root)) if (!kept.includes(name)) await store.layers.remove(name as SnapshotName)
}

tests('layers that are elsewhere', (test) => {
  test(
    'build() pushes a stage of which a cache has only the keys',
    async () => {
      await using first = await machine()
      await using second = await machine()
      await using served = await serve()
      const backend = new MemoryCacheBackend()
      await build(first, { cacheTo: to(backend, { mode: 'min' }) })
      const outputs = pushTo(hostOf(served.server), 'stage')
      const { ran } = await build(second, { cacheFrom: from(backend), target: 'build', outputs })
      assert.is(ran.length, 3)
      const files = await pulledFiles(`${hostOf(served.server)}/stage`)
      assert.equal(Object.keys(files).sort(), ['/etc', '/src/a', '/src/b', '/src/big'])
    },
    { skip },
  )

  test(
    'build() pushes a cached stage whose base image another stage has fetched, and fetches for it what the registry lacks',
    async () => {
      await using first = await machine()
      await using second = await machine()
      await using served = await serve()
      const host = hostOf(served.server)
      await first.engine.images.tag('base', `${host}/base`)
      await first.engine.images.push(`${host}/base`)
      await second.engine.images.remove('base')
      const text = `FROM ${host}/base AS b\nCOPY b /b\nFROM ${host}/base\nCOPY c /c\nCOPY --from=b /etc /out\n`
      const backend = new MemoryCacheBackend()
      await build(first, {
        dockerfileText: text,
        cacheTo: to(backend, { mode: 'max' }),
        outputs: [{ type: 'cacheonly' }],
      })
      await writeContext(second, { b: 'changed' })
      const { ran, result } = await build(second, {
        dockerfileText: text,
        cacheFrom: from(backend),
        outputs: pushTo(host),
      })
      assert.equal(ran, ['[b 2/2] COPY b /b'])
      assert.is(result.imageDigest, result.pushed[0]?.digest)
      assert.equal(await pulledFiles(`${host}/app`), { '/etc': 'base', '/c': 'c', '/out': 'base' })
    },
    { skip },
  )

  test(
    'build() unpacks nothing of a base image for a push',
    async () => {
      await using first = await machine()
      await using second = await machine()
      await using served = await serve()
      await using other = await serve()
      const host = hostOf(served.server)
      await first.engine.images.tag('base', `${host}/base`)
      await first.engine.images.push(`${host}/base`)
      await second.engine.images.remove('base')
      await second.engine.cache.prune({ all: true })
      const text = `FROM ${host}/base\nCOPY c /c\n`
      const backend = new MemoryCacheBackend()
      await build(first, { dockerfileText: text, cacheTo: to(backend), outputs: [{ type: 'cacheonly' }] })
      const options = { dockerfileText: text, cacheFrom: from(backend) }
      assert.equal((await build(second, { ...options, outputs: pushTo(host) })).ran, [])
      // In the same registry the layer is mounted.
      const gets = served.records.filter(({ method, path }) => method === 'GET' && path.includes('/blobs/'))
      assert.is(gets.length, 1, 'the config')
      assert.equal((await build(second, { ...options, outputs: pushTo(hostOf(other.server)) })).ran, [])
      assert.equal(await layersOf(second.root), [])
      assert.equal(await pulledFiles(`${hostOf(other.server)}/app`), { '/etc': 'base', '/c': 'c' })
    },
    { skip },
  )

  test(
    'build() exports what can be had when a layer of a cache is lost',
    async () => {
      await using first = await machine()
      await using second = await machine()
      await using third = await machine()
      const backend = new MemoryCacheBackend()
      await build(first, { cacheTo: to(backend, { mode: 'max' }) })
      const others = new Set(await imageBlobs(first, backend))
      const lost = [...backend.blobs.keys()].filter((digest) => !others.has(digest))
      for (const digest of lost) backend.blobs.delete(digest)
      const caches = { cacheFrom: from(backend), cacheTo: to(backend, { mode: 'max' }) }
      const again = await build(second, { ...caches, outputs: [{ type: 'cacheonly' }] })
      assert.equal(again.ran, [])
      assert.is(again.result.cacheExports[0]?.layers, 2)
      // What is lost is only a key from now on.
      const after = await build(third, { cacheFrom: from(backend), tags: ['app'] })
      assert.equal(after.ran, [])
      assert.equal(after.warnings, [])
    },
    { skip },
  )

  test(
    'build() replaces a blob that it found damaged',
    async () => {
      await using first = await machine()
      await using second = await machine()
      await using third = await machine()
      for (const open of [first, second, third]) await sameTimes(open)
      const dest = join(first.path, 'exported')
      await build(first, { cacheTo: [{ type: 'local', dest, mode: 'max' }] })
      for (const name of await readdir(join(dest, 'blobs/sha256'))) {
        const path = join(dest, 'blobs/sha256', name)
        const bytes = await readFile(path)
        if (bytes[0] !== 0x1f) continue
        bytes[bytes.length >> 1]! ^= 1
        await writeFile(path, bytes)
      }
      const caches = {
        cacheFrom: [{ type: 'local', src: dest }],
        cacheTo: [{ type: 'local', dest, mode: 'max' }],
      } as const
      const healed = await build(second, caches)
      assert.ok(healed.warnings.length > 0)
      const after = await build(third, { cacheFrom: caches.cacheFrom, tags: ['app'] })
      assert.equal(after.warnings, [])
      assert.equal(after.ran, [])
      assert.equal(await contents(await exportFiles(third)), { '/etc': 'base', '/out/a': 'a', '/c': 'c' })
    },
    { skip },
  )

  test(
    'build() takes one form of a layer from one cache, and never mixes it with another',
    async () => {
      await using first = await machine()
      await using second = await machine()
      await using served = await serve()
      const [lost, whole] = [new MemoryCacheBackend(), new MemoryCacheBackend()]
      await build(first, { cacheTo: to(lost) })
      await build(first, { cacheTo: to(whole, { compression: 'zstd', forceCompression: true }) })
      lost.blobs.clear()
      const { ran } = await build(second, { cacheFrom: from(lost, whole), outputs: pushTo(hostOf(served.server)) })
      assert.equal(ran, [])
      assert.equal(await pulledFiles(`${hostOf(served.server)}/app`), { '/etc': 'base', '/out/a': 'a', '/c': 'c' })
    },
    { skip },
  )

  test(
    'build() gives layers that are elsewhere the compression that is forced',
    async () => {
      await using first = await machine()
      await using second = await machine()
      await using third = await machine()
      const [zstd, gzip] = [new MemoryCacheBackend(), new MemoryCacheBackend()]
      await build(first, { cacheTo: to(zstd, { compression: 'zstd', mode: 'max' }) })
      const { ran, warnings } = await build(second, {
        cacheFrom: from(zstd),
        cacheTo: to(gzip, { compression: 'gzip', forceCompression: true, mode: 'max' }),
        outputs: [{ type: 'cacheonly' }],
      })
      assert.equal(ran, [])
      assert.equal(warnings, [])
      assert.is(gzip.blobs.size, 5)
      for (const blob of gzip.blobs.values()) assert.ok(gunzipSync(blob).length >= 1024)
      const taken = await build(third, { cacheFrom: from(gzip) })
      assert.equal(taken.ran, [])
      assert.equal(taken.warnings, [])
    },
    { skip },
  )

  test(
    'build() fetches a layer anew that was left without a row',
    async () => {
      await using first = await machine()
      await using second = await machine()
      const backend = new MemoryCacheBackend()
      await build(first, { cacheTo: to(backend), tags: ['app'] })
      const before = await layersOf(second.root)
      await build(second, { cacheFrom: from(backend), tags: ['app'] })
      await second.engine[Symbol.asyncDispose]()
      await forgetRows(second.root, before)
      await using engine = await openEngine({ root: second.root, gc: false })
      backend.got.length = 0
      const { ran, warnings } = await build({ ...second, engine }, { cacheFrom: from(backend), tags: ['app'] })
      assert.equal(ran, [])
      assert.equal(warnings, [])
      assert.is(backend.got.length, 2)
      assert.equal((await engine.check({ deep: true })).findings, [])
    },
    { skip },
  )
})

/** The blobs of the layers of the image that the last stage makes. */
async function imageBlobs(open: OpenRoot, from: MemoryCacheBackend): Promise<Digest[]> {
  const { config } = (await build(open, {})).result
  const { layers } = JSON.parse(Buffer.from(from.record as Uint8Array).toString('utf8')) as {
    layers: { diffId: string; blob: { digest: Digest } }[]
  }
  const diffIds = new Set<string>(config?.rootfs.diff_ids)
  return layers.filter(({ diffId }) => diffIds.has(diffId)).map(({ blob }) => blob.digest)
}
