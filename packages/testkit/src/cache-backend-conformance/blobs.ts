import { type Digest, hasCode } from '@tsbuild/spec'
import * as assert from 'uvu/assert'
import type { RegisterTest } from '../tests.js'
import {
  absentDigest,
  type Blob,
  blobOf,
  failureOf,
  identityOf,
  measure,
  type OpenCacheUnderTest,
  putBlob,
} from './fixture.js'

export function blobConformance(test: RegisterTest, open: OpenCacheUnderTest): void {
  test('has() gives nothing for nothing, and in an empty place', async () => {
    await using place = await open()
    await using cache = place.open()
    assert.equal([...(await cache.has([]))], [])
    assert.equal([...(await cache.has([absentDigest(0)]))], [])
  })

  test('has() finds the few of many digests that are there', async () => {
    await using place = await open()
    await using cache = place.open()
    const blobs = ['a', 'b', 'c'].map((seed) => blobOf(seed, 10))
    for (const blob of blobs) await putBlob(cache, blob)
    const there = blobs.map(({ descriptor }) => descriptor.digest)
    const asked: Digest[] = Array.from({ length: 200 }, (_, index) => absentDigest(index))
    asked.splice(3, 0, there[0]!)
    asked.splice(100, 0, there[1]!)
    asked.push(there[2]!)
    assert.equal([...(await cache.has(asked))].sort(), [...there].sort())
  })

  const sizes: Record<string, number> = { 'an empty blob': 0, 'one byte': 1, 'a blob of 20 MB': 20_000_000 }
  for (const [what, size] of Object.entries(sizes)) {
    test(`put() and get() carry ${what}`, async () => {
      await using place = await open()
      const blob = blobOf(what, size)
      const reports: number[] = []
      await using cache = place.open()
      await cache.put(blob.descriptor, blob.open, { onProgress: (bytes) => reports.push(bytes) })
      assert.ok(reports.every((bytes, at) => bytes <= size && bytes >= (reports[at - 1] ?? 0)))
      await using other = place.open()
      assert.equal(await measure(other.get(blob.descriptor)), identityOf(blob.descriptor))
    })
  }

  test('put() reads nothing of a blob that is there', async () => {
    await using place = await open()
    await using cache = place.open()
    const blob = blobOf('twice', 100_000)
    await putBlob(cache, blob)
    await cache.put(blob.descriptor, () => {
      throw new Error('it was asked for')
    })
    assert.equal(await measure(cache.get(blob.descriptor)), identityOf(blob.descriptor))
  })

  test('put() takes one blob from several at once', async () => {
    await using place = await open()
    await using one = place.open()
    await using other = place.open()
    const blob = blobOf('at once', 2_000_000)
    await Promise.all([one, other, one, other].map((cache) => putBlob(cache, blob)))
    assert.equal(await measure(one.get(blob.descriptor)), identityOf(blob.descriptor))
  })

  refusals(test, open)
  interruptions(test, open)

  test('get() does not find what is not there', async () => {
    await using place = await open()
    await using cache = place.open()
    const { descriptor } = blobOf('absent', 10)
    const error = await failureOf(() => measure(cache.get(descriptor)))
    assert.ok(hasCode(error, 'CACHE_BLOB_NOT_FOUND'), String(error))
  })

  test('get() can be left early', async () => {
    await using place = await open()
    await using cache = place.open()
    const blob = blobOf('left', 5_000_000)
    await putBlob(cache, blob)
    for await (const chunk of cache.get(blob.descriptor)) {
      assert.ok(chunk.length > 0)
      break
    }
    assert.equal(await measure(cache.get(blob.descriptor)), identityOf(blob.descriptor))
  })
}

function refusals(test: RegisterTest, open: OpenCacheUnderTest): void {
  const cases: Record<string, (blob: Blob) => Blob> = {
    'of another digest': ({ open }) => ({ descriptor: blobOf('other', 100_000).descriptor, open }),
    'shorter than said': ({ descriptor, open }) => ({ descriptor: { ...descriptor, size: 100_001 }, open }),
    'longer than said': ({ descriptor, open }) => ({ descriptor: { ...descriptor, size: 99_999 }, open }),
  }
  for (const [what, damaged] of Object.entries(cases)) {
    test(`put() refuses bytes ${what}`, async () => {
      await using place = await open()
      await using cache = place.open()
      const blob = damaged(blobOf('refused', 100_000))
      const error = await failureOf(() => putBlob(cache, blob))
      assert.ok(hasCode(error, 'CACHE_INVALID'), String(error))
      assert.is((await cache.has([blob.descriptor.digest])).size, 0)
    })
  }
}

function interruptions(test: RegisterTest, open: OpenCacheUnderTest): void {
  for (const size of [300_000, 20_000_000]) {
    test(`put() keeps nothing of ${size} bytes that end in an error, which passes through`, async () => {
      await using place = await open()
      await using cache = place.open()
      const blob = blobOf('broken', size)
      const reason = new Error('the source broke')
      const broken = async function* () {
        for await (const [chunk, sent] of counted(blob.open(0))) {
          if (sent > size / 2) throw reason
          yield chunk
        }
      }
      assert.is(await failureOf(() => cache.put(blob.descriptor, broken)), reason)
      assert.is((await cache.has([blob.descriptor.digest])).size, 0)
      await putBlob(cache, blob)
      assert.equal(await measure(cache.get(blob.descriptor)), identityOf(blob.descriptor))
    })
  }

  test('put() gives up at once when it is aborted, and keeps nothing', async () => {
    await using place = await open()
    await using cache = place.open()
    const blob = blobOf('aborted', 20_000_000)
    const controller = new AbortController()
    const reason = new Error('enough')
    const stuck = async function* () {
      for await (const [chunk, sent] of counted(blob.open(0))) {
        yield chunk
        if (sent < 10_000_000) continue
        controller.abort(reason)
        await new Promise(() => {})
      }
    }
    assert.is(await failureOf(() => cache.put(blob.descriptor, stuck, { signal: controller.signal })), reason)
    assert.is((await cache.has([blob.descriptor.digest])).size, 0)
  })
}

/** Chunks with the bytes up to the end of each. */
async function* counted(data: AsyncIterable<Uint8Array>): AsyncIterable<[chunk: Uint8Array, sent: number]> {
  let sent = 0
  for await (const chunk of data) {
    sent += chunk.length
    yield [chunk, sent]
  }
}
