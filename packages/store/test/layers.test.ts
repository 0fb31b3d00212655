import { asDiffID, type ChainID, digestOf } from '@tsbuild/spec'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { createBootStamps } from '../dist/database/boot-stamps.js'
import { openLmdb } from '../dist/database/lmdb-database.js'
import { createLayerTables } from '../dist/layers/layer-tables.js'
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

  test('get(), list() and chain() do not trust a snapshot of another boot that was not synced', async () => {
    await using dir = await tempDir()
    await using db = openLmdb(`${dir.path}/metadata`, { readonly: false, onFull: () => false })
    const stamps = createBootStamps(db, 'boot-1')
    const before = createLayerTables(db, stamps, () => {})
    const [synced, late] = [snapshotName('s1'), snapshotName('s2')]
    const lateChain = digestOf('late chain') as ChainID
    await before.set(synced, layer)
    await before.setChain(chainId, [synced])
    await stamps.markSynced(() => before.set(late, layer))
    await before.setChain(lateChain, [synced, late])
    assert.equal(before.get(late), layer)
    assert.equal(before.chain(lateChain), [synced, late])
    const after = createLayerTables(db, createBootStamps(db, 'boot-2'), () => {})
    assert.equal(after.get(synced), layer)
    assert.is(after.get(late), undefined)
    assert.equal(
      [...after.list()].map(({ name }) => name),
      [synced],
    )
    assert.equal(after.chain(chainId), [synced])
    assert.is(after.chain(lateChain), undefined)
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
