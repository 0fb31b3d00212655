import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { gunzipSync, gzipSync } from 'node:zlib'
import { compress, decompress, detectCompression } from '@tsbuild/exporter'
import { digestOf } from '@tsbuild/spec'
import { command, findProgram, isSmooth, loopDelays, tempDir, tests } from '@tsbuild/testkit'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { chunked, collect, fails, text } from './support.js'

const inputs: Record<string, Buffer> = {
  'no byte': Buffer.alloc(0),
  'one byte': Buffer.from('x'),
  'text of 3 MB': text(3_000_000),
  'exactly one gzip block': text(256 * 1024),
  'exactly two gzip blocks': text(512 * 1024),
  'random bytes': randomBytes(700_001),
  'zeros of 9 MB': Buffer.alloc(9_000_000),
}
const compressions = ['gzip', 'zstd', 'none'] as const
const without = (program: string) => (findProgram(program) === undefined ? `${program} is not installed` : undefined)

tests('compression', (test) => {
  for (const compression of compressions) {
    for (const [name, input] of Object.entries(inputs)) {
      test(`decompress() gives back what compress() took: ${compression}, ${name}`, async () => {
        const packed = await collect(compress(chunked(input, 50_000), { compression }))
        assert.ok((await collect(decompress(chunked(packed, 10_000), compression))).equals(input))
      })
    }
  }

  test('compress() gives one gzip member without name and time, as Node reads it', async () => {
    const input = text(1_000_000)
    const packed = await collect(compress(chunked(input), { compression: 'gzip' }))
    assert.equal([...packed.subarray(0, 10)], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])
    assert.ok(gunzipSync(packed).equals(input))
    assert.is(packed.readUInt32LE(packed.length - 4), input.length)
    const serial = gzipSync(input).length
    assert.ok(packed.length < serial * 1.01, `${packed.length} against ${serial}`)
  })

  test('compress() gives the same bytes however the input is cut', async () => {
    const input = text(1_100_000)
    for (const compression of ['gzip', 'zstd'] as const) {
      const digests = new Set<string>()
      for (const size of [1_100_000, 262_144, 9_999])
        digests.add(digestOf(await collect(compress(chunked(input, size), { compression }))))
      assert.is(digests.size, 1)
    }
  })

  test(
    'gzip -t and zstd -t accept what compress() writes',
    async () => {
      await using folder = await tempDir()
      for (const [index, input] of Object.values(inputs).entries()) {
        await writeFile(
          `${folder.path}/${index}.gz`,
          await collect(compress(chunked(input), { compression: 'gzip', level: 1 })),
        )
        await writeFile(`${folder.path}/${index}.zst`, await collect(compress(chunked(input), { compression: 'zstd' })))
        await command('gzip', ['-t', `${folder.path}/${index}.gz`])
        await command('zstd', ['-tq', `${folder.path}/${index}.zst`])
        await command('zstd', ['-dq', `${folder.path}/${index}.zst`, '-o', `${folder.path}/${index}`])
      }
    },
    { skip: without('zstd') ?? without('gzip') },
  )

  test(
    'decompress() reads what the zstd program writes',
    async () => {
      await using folder = await tempDir()
      for (const [index, options] of [
        ['-1'],
        ['-19'],
        ['--long=24', '-T2'],
        ['--no-check'],
        ['--content-size'],
      ].entries()) {
        const input = text(2_500_000, index + 3)
        const path = `${folder.path}/${index}`
        await writeFile(path, input)
        await command('zstd', ['-q', ...options, path])
        const { readFile } = await import('node:fs/promises')
        const packed = await readFile(`${path}.zst`)
        assert.ok((await collect(decompress(chunked(packed, 7_777), 'zstd'))).equals(input), options.join(' '))
        const twice = Buffer.concat([packed, Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]), packed])
        assert.is((await collect(decompress(chunked(twice), 'zstd'))).length, input.length * 2)
      }
    },
    { skip: without('zstd') },
  )

  test('decompress() takes several gzip members and ignores what follows the last', async () => {
    const members = Buffer.concat([gzipSync('one '), gzipSync('two '), gzipSync('three')])
    for (const rest of [Buffer.alloc(0), Buffer.alloc(700), Buffer.from('garbage')]) {
      assert.is(
        (await collect(decompress(chunked(Buffer.concat([members, rest]), 5), 'gzip'))).toString(),
        'one two three',
      )
    }
  })

  for (const compression of ['gzip', 'zstd'] as const) {
    test(`decompress() tells a truncated ${compression} stream from a damaged one`, async () => {
      const packed = await collect(compress(chunked(text(600_000)), { compression }))
      for (const end of [1, 5, 11, 1000, packed.length - 1]) {
        await fails(
          collect(decompress(chunked(packed.subarray(0, end)), compression)),
          'STREAM_TRUNCATED',
          /it ends too early$/,
        )
      }
      const damaged = Buffer.from(packed)
      damaged.fill(0xff, 30, 60)
      await fails(collect(decompress(chunked(damaged), compression)), 'STREAM_INVALID')
      await fails(
        collect(decompress(chunked(Buffer.from('this is no compressed stream at all')), compression)),
        'STREAM_INVALID',
      )
    })

    test(`compress() and decompress() pass errors of their source on: ${compression}`, async () => {
      const own = new Error('disk on fire')
      const packed = await collect(compress(chunked(text(600_000)), { compression }))
      const breaking = async function* (bytes: Buffer) {
        yield bytes.subarray(0, 1000)
        throw own
      }
      for (const stream of [
        compress(breaking(text(5000)), { compression }),
        decompress(breaking(packed), compression),
      ]) {
        assert.is(await collect(stream).catch((error: unknown) => error), own)
      }
    })

    test(`compress() and decompress() end their source when the reader stops: ${compression}`, async () => {
      const packed = await collect(compress(chunked(text(6_000_000)), { compression }))
      for (const [input, wrap] of [
        [text(6_000_000), (stream) => compress(stream, { compression })],
        [packed, (stream) => decompress(stream, compression)],
      ] as readonly (readonly [Buffer, (stream: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>])[]) {
        let ended = false
        const source = async function* () {
          try {
            for (;;) yield* chunked(input, 1000)
          } finally {
            ended = true
          }
        }
        for await (const chunk of wrap(source())) if (chunk.length > 100) break
        for (let count = 0; count < 100 && !ended; count++) await new Promise((resolve) => setTimeout(resolve, 10))
        assert.ok(ended)
      }
    })
  }

  test(
    'decompress() holds little of a stream that grows without end',
    async () => {
      const bomb = await collect(compress(chunked(Buffer.alloc(4_000_000)), { compression: 'zstd' }))
      const gzipBomb = gzipSync(Buffer.alloc(4_000_000))
      for (const [packed, compression] of [
        [bomb, 'zstd'],
        [gzipBomb, 'gzip'],
      ] as const) {
        const source = async function* () {
          for (let count = 0; count < 200; count++) yield packed
        }
        const before = process.memoryUsage().rss
        let size = 0
        let most = 0
        for await (const chunk of decompress(source(), compression)) {
          size += chunk.length
          most = Math.max(most, process.memoryUsage().rss - before)
        }
        assert.is(size, 800_000_000)
        assert.ok(most < 400_000_000, `${compression}: ${most}`)
      }
    },
    { timeoutMs: 60_000 },
  )

  test('compress() refuses levels that there are not', () => {
    for (const level of [-1, 10, 1.5, Number.NaN])
      assert.throws(() => compress(chunked(Buffer.alloc(0)), { compression: 'gzip', level }), /levels are 0 to 9/)
    assert.throws(() => compress(chunked(Buffer.alloc(0)), { compression: 'zstd', level: 23 }), /levels are 0 to 22/)
  })

  test('compress() takes every level from the lowest to the highest', async () => {
    const input = text(300_000)
    for (const [compression, levels] of [['gzip', [0, 1, 9]] as const, ['zstd', [0, 1, 19, 22]] as const]) {
      for (const level of levels) {
        const packed = await collect(compress(chunked(input), { compression, level }))
        assert.ok((await collect(decompress(chunked(packed), compression))).equals(input), `${compression} ${level}`)
      }
    }
  })

  test(
    'compress() leaves the event loop free',
    async () => {
      const input = text(12_000_000)
      const measured = await loopDelays(async () => {
        for (const compression of ['gzip', 'zstd'] as const)
          for await (const _ of compress(chunked(input), { compression }));
      })
      assert.ok(measured.some(isSmooth), `p99 in ms: ${JSON.stringify(measured)}`)
    },
    { timeoutMs: 60_000 },
  )

  test('detectCompression() knows first bytes', () => {
    const table: Record<string, string> = {
      '1f8b0800': 'gzip',
      '28b52ffd00': 'zstd',
      '502a4d1804': 'zstd',
      '5f2a4d1804': 'zstd',
      '425a683931': 'bzip2',
      fd377a585a00: 'xz',
      '': 'none',
      '1f8b': 'none',
      '602a4d18': 'none',
      '7f454c46': 'none',
    }
    for (const [hex, expected] of Object.entries(table))
      assert.is(detectCompression(Buffer.from(hex, 'hex')), expected, hex)
  })

  test('decompress(compress()) is the identity', async () => {
    const bytes = fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(bytes, fc.integer({ min: 1, max: 9 }), async (chunks, level) => {
        const source = async function* () {
          yield* chunks
        }
        const packed = await collect(compress(source(), { compression: 'gzip', level }))
        assert.ok(gunzipSync(packed).equals(Buffer.concat(chunks)))
      }),
      { numRuns: 60 },
    )
  })
})
