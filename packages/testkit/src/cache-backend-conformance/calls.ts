import type { CacheBackend, CallOptions } from '@tsbuild/spec'
import * as assert from 'uvu/assert'
import type { RegisterTest } from '../tests.js'
import { blobOf, failureOf, measure, type OpenCacheUnderTest, putBlob } from './fixture.js'

const blob = blobOf('a blob', 3_000_000)

const calls: Record<string, (cache: CacheBackend, options: CallOptions) => Promise<unknown>> = {
  has: (cache, options) => cache.has([blob.descriptor.digest], options),
  get: (cache, options) => measure(cache.get(blob.descriptor, options)),
  put: (cache, options) => cache.put(blob.descriptor, blob.open, options),
  getRecord: (cache, options) => cache.getRecord(options),
  putRecord: (cache, options) => cache.putRecord(Buffer.from('record'), [blob.descriptor], options),
}

export function callConformance(test: RegisterTest, open: OpenCacheUnderTest): void {
  for (const [name, call] of Object.entries(calls)) {
    test(`${name}() rejects with the reason of a signal that is aborted`, async () => {
      await using place = await open()
      await using cache = place.open()
      const reason = new Error('no more')
      assert.is(await failureOf(() => call(cache, { signal: AbortSignal.abort(reason) })), reason)
      assert.is((await cache.has([blob.descriptor.digest])).size, 0)
      assert.is(await cache.getRecord(), undefined)
    })
  }

  test('get() rejects with the reason of a signal that is aborted on the way', async () => {
    await using place = await open()
    await using cache = place.open()
    await putBlob(cache, blob)
    const controller = new AbortController()
    const reason = new Error('no more')
    const read = async () => {
      for await (const _ of cache.get(blob.descriptor, { signal: controller.signal })) controller.abort(reason)
    }
    assert.is(await failureOf(read), reason)
  })

  test('title names the place without credentials', async () => {
    await using place = await open()
    await using cache = place.open()
    assert.ok(/^\S+ \S/.test(cache.title), cache.title)
    for (const secret of place.secrets ?? []) assert.not.ok(cache.title.includes(secret))
  })
}
