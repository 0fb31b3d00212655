import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Digest, digestFromHex, digestOf, hasCode } from '@tsbuild/spec'
import type { Store } from '@tsbuild/store'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { needsRoot, openTestStore, smallDisk } from './helpers.js'
import { pidSessions } from './pid-sessions.js'

const day = 86_400_000

async function upload(store: Store, repository: string, bytes: Uint8Array): Promise<Digest> {
  const { uploads } = store.repositories
  const id = await uploads.begin(repository)
  await using open = await uploads.open(repository, id)
  await open?.write(bytes)
  await open?.commit(digestOf(bytes))
  return digestOf(bytes)
}

async function putImage(store: Store, repository: string, tag: string, text: string) {
  const blob = await upload(store, repository, Buffer.from(`blob of ${text}`))
  const bytes = Buffer.from(`{"manifest":"${text}"}`)
  const blobs = [{ digest: blob, size: `blob of ${text}`.length }]
  const result = await store.repositories.manifests.put(repository, {
    bytes,
    mediaType: 'a/b',
    tag,
    blobs,
    manifests: [],
  })
  return { blob, result, digest: digestOf(bytes) }
}

/** Lets a piece of code run as if it were so much later. */
async function later<T>(ms: number, work: () => Promise<T>): Promise<T> {
  const { now } = Date
  Date.now = () => now() + ms
  try {
    return await work()
  } finally {
    Date.now = now
  }
}

tests('repositories', (test) => {
  test('open() takes an upload up where a dead session left it, and commit() verifies all of it', async () => {
    await using dir = await tempDir()
    const bytes = randomBytes(3_500_000)
    const dead = pidSessions()
    const before = await openTestStore(dir.path, { sessions: dead })
    const id = await before.repositories.uploads.begin('app')
    {
      await using open = await before.repositories.uploads.open('app', id)
      for (let at = 0; at < 2_000_000; at += 65_536)
        await open?.write(bytes.subarray(at, Math.min(at + 65_536, 2_000_000)))
    }
    await using store = await openTestStore(dir.path)
    const { uploads, blobs } = store.repositories
    assert.is(await uploads.open('app', id), undefined, 'its process lives')
    await before[Symbol.asyncDispose]()
    await dead[Symbol.asyncDispose]()
    assert.is(await uploads.offset('other', id), undefined)
    assert.is(await uploads.offset('app', id), 2_000_000)
    await using open = await uploads.open('app', id)
    await open?.write(bytes.subarray(2_000_000))
    await open?.commit(digestOf(bytes))
    assert.is(await blobs.stat('app', digestOf(bytes)), bytes.length)
    const hash = createHash('sha256')
    for await (const piece of blobs.read(digestOf(bytes), bytes.length)) hash.update(piece)
    assert.is(digestFromHex(hash.digest('hex')), digestOf(bytes))
    assert.is(await uploads.offset('app', id), undefined)
    assert.equal(await readdir(join(dir.path, 'uploads')), [])
  })

  test('commit() refuses what has another digest, and keeps nothing of it', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const { uploads, blobs } = store.repositories
    const id = await uploads.begin('app')
    await using open = await uploads.open('app', id)
    await open?.write(Buffer.from('x'))
    const wrong = digestOf('y')
    const error = await open?.commit(wrong).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    assert.ok(hasCode(error, 'BLOB_DIGEST_MISMATCH'))
    assert.is(await blobs.stat('app', wrong), undefined)
    assert.is(await uploads.offset('app', id), undefined)
    assert.equal(await readdir(join(dir.path, 'uploads')), [])
  })

  test('sweep() takes uploads that nobody continued, and files without a row', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const { uploads } = store.repositories
    const [idle, young] = [await uploads.begin('app'), await uploads.begin('app')]
    await writeFile(join(dir.path, 'uploads', 'f'.repeat(32)), 'left')
    for (const name of [idle, 'f'.repeat(32)]) await utimes(join(dir.path, 'uploads', name), 1, 1)
    assert.is(await uploads.sweep(day), 2)
    assert.equal(await readdir(join(dir.path, 'uploads')), [young])
    assert.is(await uploads.offset('app', idle), undefined)
  })

  test('mount() gives a blob to another repository, and one copy is kept', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const { blobs } = store.repositories
    const digest = await upload(store, 'one', Buffer.from('layer'))
    assert.is(await upload(store, 'two', Buffer.from('layer')), digest)
    assert.is(await blobs.mount('three', digest, 'nowhere'), false)
    assert.is(await blobs.mount('three', digest, 'one'), true)
    assert.is(await blobs.mount('four', digest), true)
    assert.is(await blobs.mount('four', digestOf('other')), false)
    assert.equal(await readdir(join(dir.path, 'content/blobs/sha256')), [digest.slice(7)])
    assert.is(await blobs.remove('one', digest), true)
    assert.is(await blobs.remove('one', digest), false)
    assert.is(await blobs.stat('one', digest), undefined)
    assert.is(await blobs.stat('two', digest), 5)
  })

  test('blobs of images that no repository has can not be mounted', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const bytes = Buffer.from('private')
    await store.content.writeBlob({ digest: digestOf(bytes), size: bytes.length }, bytes)
    assert.is(await store.repositories.blobs.mount('app', digestOf(bytes)), false)
    assert.is(await store.repositories.blobs.stat('app', digestOf(bytes)), undefined)
  })

  test('put() says what is missing, also where only the file is', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const { blob } = await putImage(store, 'app', 'one', 'image')
    const put = (size: number, digest = blob) =>
      store.repositories.manifests.put('app', {
        bytes: Buffer.from('{}'),
        mediaType: 'a/b',
        tag: 'two',
        blobs: [{ digest, size }],
        manifests: [],
      })
    const size = 'blob of image'.length
    assert.equal(await put(size, digestOf('x')), { missing: [digestOf('x')], resized: [] })
    assert.equal(await put(size + 1), { missing: [], resized: [blob] })
    await rm(store.content.blobPath(blob))
    assert.equal(await put(size), { missing: [blob], resized: [] })
    assert.is(store.repositories.manifests.find('app', 'two'), undefined)
  })

  test('remove() takes tags and referrers along, and forgets a repository without manifests', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const { manifests, listings } = store.repositories
    const subject = digestOf('subject')
    const put = (text: string, tag: string) =>
      manifests.put('app', {
        bytes: Buffer.from(text),
        mediaType: 'a/b',
        tag,
        blobs: [],
        manifests: [],
        referrer: { subject, descriptor: { mediaType: 'a/b' } },
      })
    await put('one', 'a')
    await put('one', 'b')
    await put('two', 'c')
    assert.is([...listings.referrers('app', subject)].length, 2)
    assert.is(await manifests.remove('app', digestOf('one')), true)
    assert.is(await manifests.remove('app', digestOf('one')), false)
    assert.equal([...(listings.tags('app') ?? [])], ['c'])
    assert.is([...listings.referrers('app', subject)].length, 1)
    assert.is(await manifests.removeTag('app', 'c'), true)
    assert.equal([...(listings.tags('app') ?? [])], [])
    assert.is(await manifests.remove('app', digestOf('two')), true)
    assert.is(listings.tags('app'), undefined)
    assert.equal([...listings.repositories()], [])
  })

  test('collectGarbage() keeps what repositories have, and takes it once the manifest and a day are gone', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const { manifests, blobs } = store.repositories
    const { blob, digest } = await putImage(store, 'app', 'one', 'image')
    const unused = await upload(store, 'app', Buffer.from('never named'))
    const there = () => [blob, digest, unused].map((one) => existsSync(store.content.blobPath(one)))
    const collect = () => store.collectGarbage({ graceMs: 0 })
    // Leases that were released just now count, too: time must pass before the clock can be turned.
    await later(1000, collect)
    assert.equal(there(), [true, true, true], 'its push may be under way')
    await later(2 * day, collect)
    assert.equal(there(), [true, true, false])
    assert.is(await blobs.stat('app', unused), undefined)
    await manifests.remove('app', digest)
    await later(1000, collect)
    assert.equal(there(), [true, false, false])
    await later(2 * day, collect)
    assert.equal(there(), [false, false, false])
    assert.is(await blobs.mount('other', blob), false)
  })

  test('stat() makes a blob count as new that a push asks for again', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const digest = await upload(store, 'app', Buffer.from('asked for'))
    await later(2 * day - 1000, () => store.repositories.blobs.stat('app', digest))
    await later(2 * day, () => store.collectGarbage({ graceMs: 0 }))
    assert.ok(existsSync(store.content.blobPath(digest)))
  })

  test(
    'write() tells of a full disk, and gives the space back',
    async () => {
      await using dir = await tempDir()
      const root = join(dir.path, 'disk')
      await using _disk = await smallDisk(root, 32 << 20)
      await using store = await openTestStore(root)
      const { uploads } = store.repositories
      const id = await uploads.begin('app')
      {
        await using open = await uploads.open('app', id)
        const fill = async () => {
          for (let count = 0; count < 64; count++) await open?.write(randomBytes(1 << 20))
          await open?.settle()
        }
        const error = await fill().then(
          () => undefined,
          (thrown: unknown) => thrown,
        )
        assert.ok(hasCode(error, 'STORE_FULL'), String(error))
      }
      assert.equal(await readdir(join(root, 'uploads')), [])
      assert.is(await uploads.offset('app', id), undefined)
      const digest = await upload(store, 'app', randomBytes(1 << 20))
      assert.is(await store.repositories.blobs.stat('app', digest), 1 << 20)
    },
    { skip: needsRoot },
  )
})
