import { type CacheBackend, digestOf, hasCode } from '@tsbuild/spec'
import * as assert from 'uvu/assert'
import type { RegisterTest } from '../tests.js'
import { type Blob, blobOf, failureOf, identityOf, measure, type OpenCacheUnderTest, putBlob } from './fixture.js'

export function recordConformance(test: RegisterTest, open: OpenCacheUnderTest): void {
  test('getRecord() finds none in an empty place', async () => {
    await using place = await open()
    await using cache = place.open()
    assert.is(await cache.getRecord(), undefined)
  })

  const records: Record<string, Uint8Array> = {
    'a short record': Buffer.from('{"a":1}'),
    'bytes that are no text': Buffer.from([0, 255, 10, 13, 128]),
    'a record of 6 MB': Buffer.alloc(6_000_000, 'a record of some length '),
  }
  for (const [what, record] of Object.entries(records)) {
    test(`putRecord() keeps ${what}`, async () => {
      await using place = await open()
      await using cache = place.open()
      const blob = blobOf('layer', 1_000)
      await putBlob(cache, blob)
      await cache.putRecord(record, [blob.descriptor])
      await using other = place.open()
      const found = await other.getRecord()
      assert.ok(found !== undefined && Buffer.compare(found, record) === 0)
    })
  }

  test('putRecord() takes a record that names no blob, and one that names a blob twice', async () => {
    await using place = await open()
    await using cache = place.open()
    await cache.putRecord(Buffer.from('none'), [])
    assert.is(text(await cache.getRecord()), 'none')
    const { descriptor } = await withBlob(cache, 'twice')
    await cache.putRecord(Buffer.from('twice'), [descriptor, descriptor])
    assert.is(text(await cache.getRecord()), 'twice')
  })

  test('putRecord() replaces a record, and what the new one names stays', async () => {
    await using place = await open()
    await using cache = place.open()
    const [old, kept, added] = [
      await withBlob(cache, 'old'),
      await withBlob(cache, 'kept'),
      await withBlob(cache, 'new'),
    ]
    await cache.putRecord(Buffer.from('first'), [old.descriptor, kept.descriptor])
    await cache.putRecord(Buffer.from('second'), [kept.descriptor, added.descriptor])
    await using other = place.open()
    assert.is(text(await other.getRecord()), 'second')
    for (const { descriptor } of [kept, added])
      assert.equal(await measure(other.get(descriptor)), identityOf(descriptor))
  })

  test('putRecord() of several at once leaves one of them, whole', async () => {
    await using place = await open()
    await using one = place.open()
    await using other = place.open()
    const { descriptor } = await withBlob(one, 'shared')
    const records = Array.from({ length: 8 }, (_, index) => `${index}`.repeat(10_000 * (index + 1)))
    const puts = records.map((record, at) => [one, other][at % 2]!.putRecord(Buffer.from(record), [descriptor]))
    const readers = Array.from({ length: 8 }, () => one.getRecord())
    const seen = [...(await Promise.all(readers)), ...(await Promise.all(puts).then(() => [])), await other.getRecord()]
    for (const record of seen) assert.ok(record === undefined || records.includes(text(record)))
    assert.ok(seen.at(-1) !== undefined)
  })

  test('getRecord() refuses a damaged record', async () => {
    await using place = await open()
    await using cache = place.open()
    const record = Buffer.from('a record that will be damaged')
    await cache.putRecord(record, [(await withBlob(cache, 'layer')).descriptor])
    await place.damage(digestOf(record))
    await using other = place.open()
    const error = await failureOf(() => other.getRecord())
    assert.ok(hasCode(error, 'CACHE_INVALID'), String(error))
    await cache.putRecord(Buffer.from('another'), [])
    assert.is(text(await other.getRecord()), 'another')
  })
}

async function withBlob(cache: CacheBackend, seed: string): Promise<Blob> {
  const blob = blobOf(seed, 2_000)
  await putBlob(cache, blob)
  return blob
}

function text(record: Uint8Array | undefined): string {
  return Buffer.from(record ?? []).toString()
}
