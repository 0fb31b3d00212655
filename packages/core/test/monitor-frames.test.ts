import { PassThrough } from 'node:stream'
import { tests } from '@tsbuild/testkit'
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { encodeControl, encodeFrame, readFrames } from '../dist/containers/monitor/frames.js'

tests('frames', (test) => {
  test('readFrames() gives back what was encoded, however it is cut', async () => {
    const payloads = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(payloads, fc.integer({ min: 1, max: 64 }), async (list, step) => {
        const bytes = Buffer.concat(list.map((payload) => encodeFrame('stdout', payload)))
        const stream = new PassThrough()
        for (let at = 0; at < bytes.length; at += step) stream.write(bytes.subarray(at, at + step))
        stream.end()
        const found: number[][] = []
        for await (const { kind, payload } of readFrames(stream)) {
          assert.is(kind, 'stdout')
          found.push([...payload])
        }
        assert.equal(
          found,
          list.map((payload) => [...payload]),
        )
      }),
      { numRuns: 50 },
    )
  })

  test('readFrames() refuses what is none, and leaves out what is cut off', async () => {
    const read = async (bytes: Uint8Array) => {
      const stream = new PassThrough()
      stream.end(bytes)
      let count = 0
      for await (const _ of readFrames(stream)) count++
      return count
    }
    assert.is(await read(encodeControl({ kind: 'done' }).subarray(0, 9)), 0)
    for (const bad of [Buffer.from('GET / HTTP/1.1\r\n'), Buffer.from([1, 0xff, 0xff, 0xff, 0xff])]) {
      const failure = await read(bad).catch((error: unknown) => error)
      assert.instance(failure, RangeError)
    }
  })
})
