import { asDiffID, type ChainID, digestOf } from '@tsbuild/spec'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { openTestStore, snapshotName } from './helpers.js'

const diffId = asDiffID(digestOf('tar'))
const chainId = digestOf('chain') as ChainID
const layer = { bytes: 10, entries: 2, createdAt: 5 }

tests('layers', (test) => {
  test('set() and get() keep what is known of a snapshot; a diffID stays', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const name = snapshotName('s1')
    await store.layers.set(name, layer)
    assert.equal(store.layers.get(name), layer)
    await store.layers.set(name, { ...layer, diffId, sizeBytes: 2048 })
    await store.layers.set(name, layer)
    assert.equal(store.layers.get(name), { ...layer, diffId, sizeBytes: 2048 })
    assert.equal(
      [...store.layers.list()].map((item) => item.name),
      [name],
    )
  })

  test('chain() gives the snapshots of a stack while all of them are known', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const names = [snapshotName('s1'), snapshotName('s2')]
    for (const name of names) await store.layers.set(name, layer)
    await store.layers.setChain(chainId, names)
    assert.equal(store.layers.chain(chainId), names)
    await store.layers.remove(names[0]!)
    assert.is(store.layers.chain(chainId), undefined)
    assert.is(store.layers.get(names[0]!), undefined)
    assert.ok(store.layers.get(names[1]!))
  })

  test('addBlob() remembers the forms of a layer and merges their sources', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const gzip = { mediaType: 'gz', digest: digestOf('gz'), size: 4 }
    const zstd = { mediaType: 'zst', digest: digestOf('zst'), size: 3, annotations: { level: '3' } }
    const source = (repository: string) => ({ registry: 'docker.io', repository })
    assert.equal(store.layers.blobs(diffId), [])
    await Promise.all([
      store.layers.addBlob(diffId, { ...gzip, sources: [source('a')] }),
      store.layers.addBlob(diffId, { ...zstd, sources: [] }),
      store.layers.addBlob(diffId, { ...gzip, sources: [source('b'), source('a')] }),
    ])
    assert.equal(store.layers.blobs(diffId), [
      { ...gzip, sources: [source('b'), source('a')] },
      { ...zstd, sources: [] },
    ])
    await store.layers.removeBlob(diffId, gzip.digest)
    assert.equal(store.layers.blobs(diffId), [{ ...zstd, sources: [] }])
  })
})
