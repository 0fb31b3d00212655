import { utimes } from 'node:fs/promises'
import { asDiffID, hasCode, type SnapshotName } from '@tsbuild/spec'
import type { StoredContainer } from '@tsbuild/store'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { addImage, descriptorOf, emptyTar, openTestStore, snapshotName } from './helpers.js'

const manifest = descriptorOf(Buffer.from('manifest'))

function container(id: string, name: string, more: Partial<StoredContainer> = {}): StoredContainer {
  return { id: id.repeat(64), name, imageId: manifest.digest, manifest, layers: [], details: { n: 1 }, ...more }
}

const isTaken = (error: unknown) => hasCode(error, 'CONTAINER_EXISTS')

async function failure(action: Promise<unknown>): Promise<unknown> {
  return await action.then(
    () => undefined,
    (error: unknown) => error,
  )
}

tests('containers', (test) => {
  test('add() gives a name once, whoever asks at the same time', async () => {
    await using dir = await tempDir()
    await using one = await openTestStore(dir.path)
    await using two = await openTestStore(dir.path)
    const errors = await Promise.all([
      failure(one.containers.add(container('a', 'web'))),
      failure(two.containers.add(container('b', 'web'))),
    ])
    assert.is(errors.filter(isTaken).length, 1)
    assert.is(errors.filter((error) => error === undefined).length, 1)
    assert.equal(
      one.containers.list().map(({ name }) => name),
      ['web'],
    )
    await one.containers.add(container('c', 'other'))
    assert.ok(isTaken(await failure(one.containers.add(container('c', 'third')))))
  })

  test('update() changes the newest state, and refuses a name that is taken', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const { id } = container('a', 'web')
    await store.containers.add(container('a', 'web'))
    await store.containers.add(container('b', 'other'))
    const count = (row: StoredContainer) => (row.details as { readonly n: number }).n
    const increase = () => store.containers.update(id, (row) => ({ ...row, details: { n: count(row) + 1 } }))
    await Promise.all(Array.from({ length: 10 }, increase))
    assert.equal(store.containers.get(id)?.details, { n: 11 })
    assert.ok(isTaken(await failure(store.containers.update(id, (row) => ({ ...row, name: 'other' })))))
    assert.is((await store.containers.update(id, (row) => ({ ...row, name: 'new' })))?.name, 'new')
    assert.is((await store.containers.update(id, () => undefined))?.name, 'new')
    assert.is(await store.containers.update('f'.repeat(64), (row) => row), undefined)
    assert.equal([await store.containers.remove(id), await store.containers.remove(id)], [true, false])
    await store.containers.add(container('a', 'new'))
  })

  test('collectGarbage() keeps what a container is made of', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const image = await addImage(store, emptyTar)
    const layer = snapshotName('layer')
    await store.layers.set(layer, { bytes: 5, entries: 1, createdAt: 1, diffId: asDiffID(image.layer.digest) })
    await store.containers.add(container('a', 'web', { manifest: image.manifest, layers: [layer] }))
    const then = Date.now() / 1000 - 3600
    for await (const { digest } of store.content.listBlobs()) await utimes(store.content.blobPath(digest), then, then)
    const takeSnapshot = (_: SnapshotName) => undefined
    const kept = await store.collectGarbage({ takeSnapshot })
    assert.equal([kept.blobs, kept.snapshots], [0, []])
    await store.containers.remove(container('a', '').id)
    const gone = await store.collectGarbage({ takeSnapshot })
    assert.equal([gone.blobs, gone.snapshots], [3, ['layer']])
  })
})
