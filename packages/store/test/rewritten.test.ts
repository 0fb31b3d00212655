import { asDiffID, digestOf, type JsonValue, type SnapshotName } from '@tsbuild/spec'
import type { Finding, Store } from '@tsbuild/store'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { addImage, emptyTar, openTestStore, platform, snapshotName } from './helpers.js'

const image = 'docker.io/library/cut:latest'
const snapshot = snapshotName('cut')
const old = { bytes: 5, entries: 1, createdAt: 1 }
const layers = [{ snapshot, size: 1024, maxMtime: 17, fromBase: false }]

function check(store: Store, there: readonly SnapshotName[]): Promise<Finding[]> {
  return store.check({
    repair: true,
    snapshots: {
      list: async () => there,
      isWhole: (name) => there.includes(name),
      changedAt: async () => 0,
      take: () => undefined,
    },
    layerOf: () => undefined,
    hashFile: async () => undefined,
  })
}

/** What `collectGarbage` takes of the young and the old. */
async function collected(store: Store): Promise<readonly SnapshotName[]> {
  return (await store.collectGarbage({ graceMs: -1000, takeSnapshot: () => undefined })).snapshots
}

tests('layers of images with cut times', (test) => {
  test('setRewritten() keeps the layers as long as the image has a name; then they and the row go', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const { manifest, chain } = await addImage(store, emptyTar, false)
    await store.images.set(image, { manifest, platform })
    assert.is((await check(store, [])).map(({ kind }) => kind).join(), 'imageIncomplete')
    await store.images.set(image, { manifest, platform })
    await store.layers.set(snapshot, { ...old, diffId: asDiffID(digestOf('plain')) })
    await store.layers.setRewritten(chain, layers)
    assert.equal(store.layers.rewritten(chain), layers)
    assert.is(store.layers.chain(chain), undefined)
    assert.equal(await check(store, [snapshot]), [])
    assert.ok((await store.uses()).named.has(snapshot))
    assert.equal(await collected(store), [])
    await store.images.remove(image)
    assert.equal(await collected(store), [snapshot])
    assert.is(store.layers.rewritten(chain), undefined)
    assert.equal(await check(store, []), [])
  })

  test('rewritten() understands rows that were written before the store knew them', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const { manifest, chain } = await addImage(store, emptyTar, false)
    await store.images.set(image, { manifest, platform })
    await store.layers.set(snapshot, old)
    await store.metadata.table<JsonValue>('rewritten-chains').put(chain, { layers: layers as unknown as JsonValue })
    assert.equal(store.layers.rewritten(chain), layers)
    assert.equal(await check(store, [snapshot]), [])
    assert.equal(await collected(store), [])
  })

  test('check() forgets a row whose layer is gone, and the name that has nothing else', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const { manifest, chain } = await addImage(store, emptyTar, false)
    await store.images.set(image, { manifest, platform })
    await store.layers.setRewritten(chain, layers)
    assert.is(store.layers.rewritten(chain), undefined)
    const found = await check(store, [])
    assert.equal(
      found.map(({ kind, repaired }) => [kind, repaired]),
      [
        ['imageIncomplete', true],
        ['chainDangling', true],
      ],
    )
    assert.equal(await check(store, []), [])
  })

  test('collectGarbage() leaves the layers of a young row alone', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const { chain } = await addImage(store, emptyTar, false)
    await store.layers.set(snapshot, old)
    await store.layers.setRewritten(chain, layers)
    assert.equal((await store.collectGarbage({ takeSnapshot: () => undefined })).snapshots, [])
    assert.equal(await collected(store), [snapshot])
  })
})
