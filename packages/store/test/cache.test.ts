import { type CacheRecord, digestOf } from '@tsbuild/spec'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { createCacheStore } from '../dist/cache/cache-records.js'
import { createBootStamps } from '../dist/database/boot-stamps.js'
import { openLmdb } from '../dist/database/lmdb-database.js'
import { openTestStore } from './helpers.js'

function record(over: Partial<CacheRecord> = {}): CacheRecord {
  return {
    key: digestOf('key'),
    step: 'build#1 RUN',
    kind: 'exec',
    inputs: [{ name: 'base', value: 'x' }],
    madeOn: ['parent'],
    resultId: 'result',
    value: { layer: 'abc' },
    createdAt: 1,
    durationMs: 2,
    sizeBytes: 3,
    ...over,
  }
}

tests('cache', (test) => {
  test('lookup() gives the records of a key, newest first', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    await store.cache.save(record({ madeOn: ['a'], createdAt: 1 }))
    await store.cache.save(record({ madeOn: ['b'], createdAt: 3 }))
    await store.cache.save(record({ madeOn: [], createdAt: 2 }))
    await store.cache.save(record({ key: digestOf('other'), createdAt: 9 }))
    const found = store.cache.lookup(digestOf('key'))
    assert.equal(
      found.map(({ createdAt }) => createdAt),
      [3, 2, 1],
    )
    assert.equal(found[0], record({ madeOn: ['b'], createdAt: 3 }))
    assert.equal(store.cache.lookup(digestOf('unknown')), [])
  })

  test('save() replaces a record that was made on the same results', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    await store.cache.save(record({ resultId: 'old' }))
    await store.cache.save(record({ resultId: 'new' }))
    assert.equal(
      store.cache.lookup(digestOf('key')).map(({ resultId }) => resultId),
      ['new'],
    )
  })

  test('save() keeps the newest 8 of a key and the newest 4 of a step', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const saves = Array.from({ length: 12 }, (_, index) =>
      store.cache.save(record({ madeOn: [`p${index}`], createdAt: index })),
    )
    await Promise.all(saves)
    assert.equal(
      store.cache.lookup(digestOf('key')).map(({ createdAt }) => createdAt),
      [11, 10, 9, 8, 7, 6, 5, 4],
    )
    assert.equal(
      store.cache.nearest('build#1 RUN').map(({ createdAt }) => createdAt),
      [11, 10, 9, 8],
    )
    assert.equal(store.cache.nearest('build#2 RUN'), [])
  })

  test('drop() takes just that record', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    await store.cache.save(record({ resultId: 'new' }))
    await store.cache.drop(record({ resultId: 'old' }))
    assert.is(store.cache.lookup(digestOf('key')).length, 1)
    await store.cache.drop(record({ resultId: 'new' }))
    assert.is(store.cache.lookup(digestOf('key')).length, 0)
    assert.equal(store.cache.nearest('build#1 RUN'), [])
  })

  test('drop() remembers when and why, for the newest 512 keys, until the key is back', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const { cache } = store
    const key = (index: number) => digestOf(`key ${index}`)
    assert.is(cache.tombstone(key(0)), undefined)
    const began = Date.now()
    for (let index = 0; index < 515; index++) {
      await cache.save(record({ key: key(index) }))
      await cache.drop(record({ key: key(index) }), 'pruned')
    }
    const { at, ...rest } = cache.tombstone(key(514))!
    assert.equal(rest, { step: 'build#1 RUN', key: key(514), reason: 'pruned' })
    assert.ok(at >= began && at <= Date.now())
    const kept = Array.from({ length: 515 }, (_, index) => cache.tombstone(key(index))).filter((row) => row)
    assert.is(kept.length, 512)
    await cache.save(record({ key: key(514) }))
    assert.is(cache.tombstone(key(514)), undefined)
  })

  test('lookup() does not trust a record of another boot that was not synced', async () => {
    await using dir = await tempDir()
    await using db = openLmdb(`${dir.path}/metadata`, { readonly: false, onFull: () => false })
    const before = createBootStamps(db, 'boot-1')
    const cache = createCacheStore(db, before, () => {})
    await cache.save(record({ madeOn: ['synced'] }))
    await before.markSynced(async () => {
      // Saved while the sync runs: it may have come too late for it.
      await cache.save(record({ madeOn: ['late'] }))
    })
    assert.is(cache.lookup(digestOf('key')).length, 2)
    const after = createCacheStore(db, createBootStamps(db, 'boot-2'), () => {})
    assert.equal(
      after.lookup(digestOf('key')).map(({ madeOn }) => madeOn),
      [['synced']],
    )
    assert.ok(before.unsynced())
  })

  test('a failed sync marks nothing', async () => {
    await using dir = await tempDir()
    await using db = openLmdb(`${dir.path}/metadata`, { readonly: false, onFull: () => false })
    const before = createBootStamps(db, 'boot-1')
    await createCacheStore(db, before, () => {}).save(record())
    await before.markSynced(async () => Promise.reject(new Error('EIO'))).catch(() => {})
    const after = createCacheStore(db, createBootStamps(db, 'boot-2'), () => {})
    assert.equal(after.lookup(digestOf('key')), [])
  })

  test('sync() runs the sync program where none is given', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    await store.cache.save(record())
    await store.sync()
    const own = await import('../dist/database/syncer.js')
    await own.syncByProgram(dir.path)
    const failed = await own.syncByProgram('/nonexistent/folder').catch((error: Error) => error)
    assert.instance(failed, Error)
  })
})
