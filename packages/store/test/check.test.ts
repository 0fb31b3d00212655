import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Digest, digestOf } from '@tsbuild/spec'
import type { CheckOptions, Finding, Store } from '@tsbuild/store'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { addImage, emptyTar, openTestStore, platform, snapshotName } from './helpers.js'

/** Checks a store that has the snapshots `names`. */
function check(store: Store, options: Partial<CheckOptions> = {}, names: readonly string[] = []): Promise<Finding[]> {
  return store.check({
    snapshots: {
      list: async () => names.map(snapshotName),
      isWhole: (name) => names.includes(name),
      changedAt: async () => 0,
      take: () => undefined,
    },
    layerOf: () => undefined,
    hashFile: async (path) => {
      const bytes = await readFile(path).catch(() => undefined)
      return bytes && digestOf(bytes)
    },
    ...options,
  })
}

async function push(store: Store, tag: string): Promise<{ readonly blob: Digest; readonly manifest: Digest }> {
  const { uploads, manifests } = store.repositories
  const bytes = Buffer.from(`blob of ${tag}`)
  const blob = digestOf(bytes)
  await using open = await uploads.open('team/app', await uploads.begin('team/app'))
  await open?.write(bytes)
  await open?.commit(blob)
  const document = Buffer.from(`{"of":"${tag}"}`)
  const blobs = [{ digest: blob, size: bytes.length }]
  await manifests.put('team/app', { bytes: document, mediaType: 'a/b', tag, blobs, manifests: [] })
  return { blob, manifest: digestOf(document) }
}

tests('check()', (test) => {
  test('check() finds blobs and manifests that repositories lack; the repair takes them out', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const [one, two] = [await push(store, 'one'), await push(store, 'two')]
    assert.equal(await check(store), [])
    await rm(store.content.blobPath(one.blob))
    await rm(store.content.blobPath(two.manifest))
    const found = await check(store)
    assert.equal(
      found.map(({ kind, subject, severity }) => [kind, subject, severity]),
      [
        ['repositoryBlobMissing', `team/app:${one.blob}`, 'error'],
        ['repositoryManifestMissing', `team/app:${two.manifest}`, 'error'],
      ],
    )
    assert.ok((await check(store, { repair: true })).every(({ repaired }) => repaired))
    assert.equal(await check(store), [])
    assert.is(await store.repositories.blobs.stat('team/app', one.blob), undefined)
    assert.is(store.repositories.manifests.find('team/app', 'two'), undefined)
    assert.ok(store.repositories.manifests.find('team/app', 'one'))
  })

  test('check() leaves a snapshot alone that somebody has leased, or that is known by the time of the repair', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    await using builder = await openTestStore(dir.path)
    const taken: string[] = []
    const names = ['leased', 'known', 'lost']
    const snapshots: CheckOptions['snapshots'] = {
      list: async () => names.map(snapshotName),
      isWhole: (name) => names.includes(name) && !taken.includes(name),
      changedAt: async () => 0,
      take: (name) => {
        taken.push(name)
        return async () => {}
      },
    }
    // The steps of a build: lease → commit → row; the leases are older than the last look.
    const lease = await builder.leases.acquire(
      ...names.map((name) => ({ kind: 'snapshot', name: snapshotName(name) }) as const),
    )
    assert.equal(await check(store, { snapshots, repair: true }), [])
    assert.equal(taken, [])
    await lease[Symbol.asyncDispose]()
    await builder.leases.acquire({ kind: 'snapshot', name: snapshotName('leased') })
    await builder.layers.set(snapshotName('known'), { bytes: 1, entries: 1, createdAt: 1 })
    // A released lease counts on for a check that began in the same millisecond.
    const released = Date.now()
    while (Date.now() === released);
    const found = await check(store, { snapshots, repair: true })
    assert.equal(
      found.map(({ kind, subject, repaired }) => [kind, subject, repaired]),
      [['snapshotUnknown', 'lost', true]],
    )
    assert.equal(taken, ['lost'])
  })

  test('check() leaves a snapshot alone that is leased between its being found and the repair', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    await using builder = await openTestStore(dir.path)
    const [bad] = [snapshotName('bad')]
    let looks = 0
    const taken: string[] = []
    const found = await check(store, {
      repair: true,
      snapshots: {
        async list() {
          // The second look is the last before the repair.
          if (++looks === 2) await builder.leases.acquire({ kind: 'snapshot', name: bad })
          return [bad]
        },
        isWhole: () => false,
        changedAt: async () => 0,
        take: (name) => {
          taken.push(name)
          return undefined
        },
      },
    })
    assert.equal(
      found.map(({ kind, repaired }) => [kind, repaired]),
      [['snapshotDamaged', false]],
    )
    assert.equal(taken, [])
  })

  test('check() takes an image off index.json whose blob is gone, and keeps a name whose layers are unpacked', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const { manifest, layer, chain } = await addImage(store, emptyTar)
    await store.images.set('docker.io/library/demo:latest', { manifest, platform })
    await store.layers.set(snapshotName('layer1'), { bytes: 1, entries: 1, createdAt: 1 })
    await store.layers.setChain(chain, [snapshotName('layer1')])
    await rm(store.content.blobPath(layer.digest))
    const found = await check(store, { repair: true }, ['layer1'])
    assert.equal(
      found.map(({ kind, repaired }) => [kind, repaired]),
      [['layoutWrong', true]],
    )
    assert.equal(await check(store, {}, ['layer1']), [])
    assert.equal(JSON.parse(await readFile(join(dir.path, 'content/index.json'), 'utf8')).manifests, [])
    const [broken] = await check(store)
    assert.is(broken?.kind, 'imageIncomplete')
  })
})
