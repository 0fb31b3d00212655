import { readdir, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Digest, digestOf, hasCode } from '@tsbuild/spec'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { addBlob, bytesOf, descriptorOf, openTestStore } from './helpers.js'

const data = Buffer.from('some bytes of a blob')

async function rejects(promise: Promise<unknown>, code: string): Promise<Error> {
  const error = await promise.then(
    () => undefined,
    (caught: unknown) => caught,
  )
  assert.ok(hasCode(error, code), `expected ${code}, got ${error}`)
  return error
}

async function* chunks(...parts: Uint8Array[]) {
  yield* parts
}

tests('content', (test) => {
  test('writeBlob() takes bytes and streams, and read() gives them back from any offset', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const descriptor = descriptorOf(data)
    await store.content.writeBlob(descriptor, chunks(data.subarray(0, 5), data.subarray(5)))
    assert.ok(store.content.hasBlob(descriptor.digest))
    assert.equal(await bytesOf(store.content.read(descriptor)), data)
    assert.equal(await bytesOf(store.content.read(descriptor, { offset: 5 })), data.subarray(5))
    assert.equal(await bytesOf(store.content.read(descriptor, { offset: data.length })), Buffer.alloc(0))
    const listed = []
    for await (const blob of store.content.listBlobs()) listed.push(blob)
    assert.equal(listed, [{ digest: descriptor.digest, size: data.length }])
    assert.equal((await stat(store.content.blobPath(descriptor.digest))).mode & 0o777, 0o600)
    await store.content.writeBlob(descriptorOf(Buffer.alloc(0)), Buffer.alloc(0))
    assert.equal(await bytesOf(store.content.read(descriptorOf(Buffer.alloc(0)))), Buffer.alloc(0))
  })

  const bad: Record<string, [code: string, parts: Buffer[], digest?: Digest]> = {
    'a stream that ends early': ['BLOB_SIZE_MISMATCH', [data.subarray(0, 7)]],
    'a stream that is too long': ['BLOB_SIZE_MISMATCH', [data, Buffer.from('x')]],
    'no bytes at all': ['BLOB_SIZE_MISMATCH', []],
    'other bytes of the same length': ['BLOB_DIGEST_MISMATCH', [Buffer.alloc(data.length, 1)]],
  }
  for (const [what, [code, parts]] of Object.entries(bad)) {
    test(`writeBlob() refuses ${what}, and keeps nothing`, async () => {
      await using dir = await tempDir()
      await using store = await openTestStore(dir.path)
      const descriptor = descriptorOf(data)
      await rejects(store.content.writeBlob(descriptor, chunks(...parts)), code)
      assert.not(store.content.hasBlob(descriptor.digest))
      assert.equal(await readdir(join(dir.path, 'ingest')), [])
    })
  }

  test('writeBlob() passes on an error of the stream, and keeps nothing', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const failing = (async function* () {
      yield data.subarray(0, 3)
      throw new Error('line cut')
    })()
    const error = await store.content.writeBlob(descriptorOf(data), failing).catch((caught: Error) => caught)
    assert.is((error as Error).message, 'line cut')
    assert.equal(await readdir(join(dir.path, 'ingest')), [])
  })

  test('writeBlob() ends with the reason of its signal, also while the stream hangs', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const abort = new AbortController()
    const hanging = (async function* () {
      yield data.subarray(0, 3)
      await new Promise(() => {})
    })()
    const writing = store.content.writeBlob(descriptorOf(data), hanging, { signal: abort.signal })
    setTimeout(() => abort.abort(new Error('enough')), 20)
    assert.is(((await writing.catch((error: unknown) => error)) as Error).message, 'enough')
    assert.equal(await readdir(join(dir.path, 'ingest')), [])
  })

  test('writeBlob() of what is there already reads nothing and makes it new again', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const { digest } = await addBlob(store, data)
    await utimes(store.content.blobPath(digest), 1, 1)
    let closed = false
    const untouched = {
      [Symbol.asyncIterator]: () => ({
        next: async () => assert.unreachable('read') as never,
        return: async () => {
          closed = true
          return { done: true as const, value: undefined }
        },
      }),
    }
    await store.content.writeBlob(descriptorOf(data), untouched)
    assert.ok(closed)
    assert.ok((await stat(store.content.blobPath(digest))).mtimeMs > Date.now() - 60_000)
  })

  test('receiveBlob() tells the digest of what came', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const { digest, size } = descriptorOf(data)
    assert.equal(await store.content.receiveBlob(chunks(data.subarray(0, 4), data.subarray(4))), { digest, size })
    assert.equal(await bytesOf(store.content.read(descriptorOf(data))), data)
    const failing = (async function* () {
      yield data
      throw new Error('line cut')
    })()
    assert.is(
      ((await store.content.receiveBlob(failing).catch((error: unknown) => error)) as Error).message,
      'line cut',
    )
    assert.equal(await readdir(join(dir.path, 'ingest')), [])
  })

  test('openIngest() goes on where an earlier attempt of this process stopped', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const descriptor = descriptorOf(data)
    {
      await using ingest = await store.content.openIngest(descriptor)
      assert.is(ingest.offset, 0)
      await ingest.write(data.subarray(0, 8))
    }
    await using ingest = await store.content.openIngest(descriptor)
    assert.is(ingest.offset, 8)
    await ingest.write(data.subarray(8))
    await ingest.commit()
    assert.equal(await bytesOf(store.content.read(descriptor)), data)
  })

  test('openIngest() goes on with what an earlier process received, and with nothing that is too long', async () => {
    await using dir = await tempDir()
    const large = Buffer.alloc(300_000, 'part')
    const received = 200_000
    for (const [length, offset] of [
      [large.length, received],
      [received - 1, 0],
    ] as const) {
      const descriptor = { digest: descriptorOf(large).digest, size: length }
      {
        await using store = await openTestStore(dir.path)
        await using ingest = await store.content.openIngest(descriptorOf(large))
        await ingest.write(large.subarray(ingest.offset, received))
      }
      assert.equal(await readdir(join(dir.path, 'ingest')), [])
      assert.is((await readdir(join(dir.path, 'partial'))).length, 1)
      await using store = await openTestStore(dir.path)
      await using ingest = await store.content.openIngest(descriptor)
      assert.is(ingest.offset, offset)
      assert.equal(await readdir(join(dir.path, 'partial')), [])
      if (offset === 0) continue
      await ingest.write(large.subarray(offset))
      await ingest.commit()
      assert.ok(large.equals(Buffer.from(await bytesOf(store.content.read(descriptorOf(large))))))
      await store.content.removeBlob(descriptor.digest)
    }
  })

  test('openIngest() for one digest twice at once does no harm', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const descriptor = descriptorOf(data)
    await using first = await store.content.openIngest(descriptor)
    await using second = await store.content.openIngest(descriptor)
    await Promise.all([first.write(data), second.write(data)])
    await first.commit()
    await second.commit()
    assert.equal(await bytesOf(store.content.read(descriptor)), data)
    assert.equal(await readdir(join(dir.path, 'ingest')), [])
  })

  test('a store leaves no partial blob when it is disposed', async () => {
    await using dir = await tempDir()
    {
      await using store = await openTestStore(dir.path)
      await using ingest = await store.content.openIngest(descriptorOf(data))
      await ingest.write(data.subarray(0, 8))
    }
    assert.equal(await readdir(join(dir.path, 'ingest')), [])
  })

  test('readSmall() never returns a blob that was tampered with', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const { digest } = await addBlob(store, data)
    assert.equal(Buffer.from(store.content.readSmall(digest)!), data)
    await writeFile(store.content.blobPath(digest), 'some bytes of a bl0b')
    assert.throws(
      () => store.content.readSmall(digest),
      (error: unknown) => hasCode(error, 'BLOB_CORRUPT'),
    )
    assert.is(store.content.readSmall(digestOf('never written')), undefined)
  })

  test('read() tells a missing blob and a cut one', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const descriptor = await addBlob(store, data)
    await truncate(store.content.blobPath(descriptor.digest), 4)
    await rejects(bytesOf(store.content.read(descriptor)), 'BLOB_CORRUPT')
    await store.content.removeBlob(descriptor.digest)
    await rejects(bytesOf(store.content.read(descriptor)), 'BLOB_NOT_FOUND')
    await store.content.removeBlob(descriptor.digest)
  })
})
