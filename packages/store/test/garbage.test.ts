import { existsSync } from 'node:fs'
import { readdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { asDiffID, digestHex, digestOf, type SnapshotName } from '@tsbuild/spec'
import type { Store } from '@tsbuild/store'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import {
  addBlob,
  addImage,
  childExit,
  childMessage,
  emptyTar,
  openTestStore,
  platform,
  snapshotName,
  startChild,
} from './helpers.js'

const name = 'docker.io/library/demo:latest'
const old = { bytes: 5, entries: 1, createdAt: 1 }

/** Makes all blobs an hour old. */
async function age(store: Store): Promise<void> {
  const then = Date.now() / 1000 - 3600
  for await (const { digest } of store.content.listBlobs()) await utimes(store.content.blobPath(digest), then, then)
}

async function oldBlob(store: Store, text: string) {
  const blob = await addBlob(store, Buffer.from(text))
  const then = Date.now() / 1000 - 3600
  await utimes(store.content.blobPath(blob.digest), then, then)
  return blob
}

tests('garbage', (test) => {
  test('collectGarbage() takes what nothing reaches, and keeps what a name reaches', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const { manifest, config, layer, chain } = await addImage(store, emptyTar)
    const compressed = await addBlob(store, Buffer.from('gz'))
    await store.images.set(name, { manifest, platform })
    const kept = snapshotName('kept')
    await store.layers.set(kept, { ...old, diffId: asDiffID(layer.digest) })
    await store.layers.setChain(chain, [kept])
    await store.layers.addBlob(asDiffID(layer.digest), { ...compressed, sources: [] })
    await store.layers.set(snapshotName('lost'), old)
    const loose = await addBlob(store, Buffer.from('loose'))
    await age(store)
    const removed: SnapshotName[] = []
    const takeSnapshot = (snapshot: SnapshotName) => async () => void removed.push(snapshot)
    const planned = await store.collectGarbage({ dryRun: true, takeSnapshot })
    assert.equal(planned, { blobs: 1, blobBytes: 5, snapshots: ['lost'], snapshotBytes: 5 })
    assert.ok(store.content.hasBlob(loose.digest))
    assert.equal(await store.collectGarbage({ takeSnapshot }), planned)
    assert.equal(removed, ['lost'])
    assert.not(store.content.hasBlob(loose.digest))
    assert.is(store.layers.get(snapshotName('lost')), undefined)
    for (const { digest } of [manifest, config, layer, compressed]) assert.ok(store.content.hasBlob(digest))
    assert.equal(store.layers.chain(chain), [kept])

    await store.images.remove(name)
    const rest = await store.collectGarbage({ takeSnapshot, graceMs: -1000 })
    assert.is(rest.blobs, 4)
    assert.equal(rest.snapshots, ['kept'])
    assert.is(store.layers.chain(chain), undefined)
    assert.equal(store.layers.blobs(asDiffID(layer.digest)), [])
    assert.equal(await readdir(join(dir.path, 'ingest')), [])
  })

  test('collectGarbage() keeps what a cache record speaks of', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const blob = await oldBlob(store, 'blob')
    await store.layers.set(snapshotName('layer1'), old)
    const record = {
      key: digestOf('k'),
      step: 's',
      kind: 'exec',
      inputs: [],
      madeOn: [],
      resultId: 'r',
      value: { layers: ['layer1'], deep: [{ digest: blob.digest }] },
      createdAt: 1,
      durationMs: 1,
      sizeBytes: 1,
    }
    await store.cache.save(record)
    const takeSnapshot = () => undefined
    assert.equal(await store.collectGarbage({ takeSnapshot }), {
      blobs: 0,
      blobBytes: 0,
      snapshots: [],
      snapshotBytes: 0,
    })
    await store.cache.drop(record)
    const { blobs, snapshots } = await store.collectGarbage({ takeSnapshot })
    assert.is(blobs, 1)
    assert.equal(snapshots, ['layer1'])
  })

  test('collectGarbage() takes nothing young, and without takeSnapshot no snapshot', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const { digest } = await addBlob(store, Buffer.from('young'))
    await store.layers.set(snapshotName('young'), { ...old, createdAt: Date.now() })
    await store.layers.set(snapshotName('aged'), old)
    await store.collectGarbage()
    assert.ok(store.layers.get(snapshotName('aged')))
    await store.collectGarbage({ takeSnapshot: () => undefined })
    assert.ok(store.content.hasBlob(digest))
    assert.ok(store.layers.get(snapshotName('young')))
    assert.is(store.layers.get(snapshotName('aged')), undefined)
  })

  test('collectGarbage() with `only` takes these, however young, where nothing reaches them', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const { manifest, config, layer, chain } = await addImage(store, emptyTar)
    const [top, other] = [snapshotName('top'), snapshotName('other')]
    for (const snapshot of [top, other]) await store.layers.set(snapshot, { ...old, createdAt: Date.now() })
    await store.layers.setChain(chain, [top])
    await store.layers.addBlob(asDiffID(layer.digest), { ...layer, sources: [] })
    const loose = await addBlob(store, Buffer.from('loose'))
    await store.images.set(name, { manifest, platform })
    const only = new Set<string>([manifest, config, layer].map(({ digest }) => digest)).add(top)
    const collect = () => store.collectGarbage({ only, graceMs: -1000, takeSnapshot: () => undefined })
    assert.equal(await collect(), { blobs: 0, blobBytes: 0, snapshots: [], snapshotBytes: 0 })
    await store.images.remove(name)
    const lease = await store.leases.acquire({ kind: 'snapshot', name: top }, { kind: 'blob', digest: config.digest })
    const first = await collect()
    assert.equal([first.blobs, first.snapshots], [2, []])
    assert.ok(store.content.hasBlob(config.digest))
    assert.equal(store.layers.blobs(asDiffID(layer.digest)), [], 'forms of layers that nobody knows are forgotten')
    await lease[Symbol.asyncDispose]()
    // A released lease counts on for a collection that began in the same millisecond.
    const released = Date.now()
    while (Date.now() === released);
    const second = await collect()
    assert.equal([second.blobs, second.snapshots], [1, ['top']])
    assert.ok(store.content.hasBlob(loose.digest))
    assert.is(store.layers.get(other)?.bytes, 5)
  })

  test('collectGarbage() keeps what is leased until the lease is long released', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const blob = await oldBlob(store, 'leased')
    await store.layers.set(snapshotName('leased'), old)
    {
      await using lease = await store.leases.acquire({ kind: 'blob', digest: blob.digest })
      await lease.add({ kind: 'snapshot', name: snapshotName('leased') })
      const { blobs, snapshots } = await store.collectGarbage({ takeSnapshot: () => undefined })
      assert.is(blobs, 0)
      assert.equal(snapshots, [])
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
    const { blobs, snapshots } = await store.collectGarbage({ takeSnapshot: () => undefined })
    assert.is(blobs, 1)
    assert.equal(snapshots, ['leased'])
  })

  test('collectGarbage() takes a snapshot before anybody can lease it', async () => {
    await using dir = await tempDir()
    await using collector = await openTestStore(dir.path)
    await using builder = await openTestStore(dir.path)
    const [gone, kept] = [snapshotName('gone'), snapshotName('kept')]
    for (const snapshot of [gone, kept]) await collector.layers.set(snapshot, old)
    const onDisk = new Set<string>([gone, kept])
    const seen: string[] = []
    let leasing: Promise<unknown> | undefined
    const takeSnapshot = (snapshot: SnapshotName) => {
      assert.ok(builder.layers.get(snapshot), 'others see the row until the transaction ends')
      // Granted once the transaction has ended, and only then.
      leasing ??= builder.leases
        .acquire({ kind: 'snapshot', name: gone }, { kind: 'snapshot', name: kept })
        .then(() => {
          seen.push(...onDisk)
        })
      onDisk.delete(snapshot)
      return async () => {
        await leasing
      }
    }
    const { snapshots } = await collector.collectGarbage({ only: new Set([gone]), takeSnapshot })
    assert.equal(snapshots, [gone])
    await leasing
    assert.equal(seen, [kept])
    assert.equal((await collector.collectGarbage({ takeSnapshot })).snapshots, [])
    assert.ok(onDisk.has(kept))
  })

  test("collectGarbage() respects another process's lease, and not that of a dead one", async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const blob = await oldBlob(store, 'leased elsewhere')
    const child = startChild('hold-lease', dir.path, blob.digest)
    try {
      await childMessage(child)
      assert.is((await store.collectGarbage()).blobs, 0)
    } finally {
      child.kill('SIGKILL')
    }
    await childExit(child)
    assert.is((await store.collectGarbage()).blobs, 1)
  })

  test('collectGarbage() finds snapshots that no table knows, the second time', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const onDisk = new Set([snapshotName('orphan'), snapshotName('known')])
    await store.layers.set(snapshotName('known'), { ...old, createdAt: Date.now() + 60_000 })
    const options = {
      graceMs: 0,
      takeSnapshot: (snapshot: SnapshotName) => async () => void onDisk.delete(snapshot),
      listSnapshots: async () => [...onDisk],
    }
    assert.equal((await store.collectGarbage(options)).snapshots, [])
    await new Promise((resolve) => setTimeout(resolve, 5))
    assert.equal((await store.collectGarbage(options)).snapshots, ['orphan'])
    assert.equal([...onDisk], ['known'])
  })

  test(
    'collectGarbage() beside writers never takes what they rely on',
    async () => {
      await using dir = await tempDir()
      await using store = await openTestStore(dir.path)
      await using collector = await openTestStore(dir.path)
      const data = (round: number) => Buffer.from(`content ${round % 5}`)
      let running = true
      const missing: string[] = []
      const writer = async (id: number) => {
        for (let round = 0; round < 40; round++) {
          const bytes = data(round + id)
          const { digest } = { digest: digestOf(bytes) }
          await using _lease = await store.leases.acquire({ kind: 'blob', digest })
          const blob = await addBlob(store, bytes)
          const { manifest } = await addImage(store, bytes)
          await store.images.set(`docker.io/library/w:${id}`, { manifest, platform })
          // Old at once: only leases and names protect it from here on.
          await utimes(store.content.blobPath(blob.digest), 1, 1).catch(() => missing.push(`${id}/${round}: utimes`))
          if (!existsSync(store.content.blobPath(digest))) missing.push(`${id}/${round}`)
        }
      }
      const collecting = (async () => {
        let taken = 0
        while (running) taken += (await collector.collectGarbage()).blobs
        return taken
      })()
      await Promise.all([writer(0), writer(1), writer(2)])
      running = false
      await collecting
      assert.equal(missing, [])
      for (const { manifest } of store.images.list()) assert.ok(store.content.hasBlob(manifest.digest))
    },
    { timeoutMs: 60_000 },
  )

  test('sweep() takes the partial blobs and leases of a process that kill -9 ended, and no others', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const child = startChild('hang-in-ingest', dir.path)
    try {
      await childMessage(child)
      assert.equal(await store.sweep(), { files: 0, bytes: 0 })
    } finally {
      child.kill('SIGKILL')
    }
    await childExit(child)
    await using again = await openTestStore(dir.path)
    await using own = await again.content.openIngest({ digest: digestOf('own'), size: 3 })
    await own.write(Buffer.from('ow'))
    const report = await again.sweep()
    assert.ok(report.files <= 1, 'the first write may have swept already')
    assert.equal(await readdir(join(dir.path, 'partial')), [digestHex(digestOf(Buffer.alloc(3_000_000, 7)))])
    assert.is((await readdir(join(dir.path, 'ingest'))).length, 1)
    await own.write(Buffer.from('n'))
    await own.commit()
    assert.ok(again.content.hasBlob(digestOf('own')))
  })
})
