import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import {
  type BuildEvent,
  type CacheRecord,
  canonicalJson,
  type DiffID,
  type Digest,
  hasCode,
  type SnapshotName,
} from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import {
  type CacheDocument,
  type ExportedLayer,
  readCacheDocument,
  writeCacheDocument,
} from '../dist/cache/transfer/cache-document.js'
import { encodeCacheDocument } from '../dist/cache/transfer/encode-document.js'
import { ImportedCache } from '../dist/cache/transfer/imported-cache.js'
import { readCacheRecord } from '../dist/cache-record.js'
import { build, from, machine, to } from './cache-machines.js'
import { changeRecord, recordOf } from './cache-record-json.js'
import { skip } from './images-support.js'
import { MemoryCacheBackend } from './memory-cache-backend.js'

const digest = (index: number) => `sha256:${index.toString(16).padStart(64, '0')}` as Digest
const layerName = (index: number) => index.toString(16).padStart(16, '0') as SnapshotName

function recordAt(index: number): CacheRecord {
  return {
    key: digest(index),
    step: `project ${index}`,
    kind: 'copy',
    inputs: Array.from({ length: 8 }, (_, at) => ({ name: `input ${at} é`, value: digest(at) })),
    name: `[${index}/10000] COPY file ${index} /`,
    madeOn: index === 0 ? [] : [layerName(index - 1)],
    resultId: layerName(index),
    value: { layer: layerName(index) },
    createdAt: 1_600_000_000_000 + index,
    durationMs: 1.5,
    sizeBytes: index,
  }
}

function layerAt(index: number): ExportedLayer {
  const blob = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: digest(index), size: 1 }
  return { name: layerName(index), diffId: digest(index) as Digest as DiffID, size: 1, createdAt: 1, blob }
}

function documentOf(count: number): CacheDocument {
  const items = <T>(make: (index: number) => T) => Array.from({ length: count }, (_, index) => make(index))
  return {
    records: items(recordAt),
    layers: items(layerAt),
    digests: new Map(items((index) => [digest(index).slice(7), { digest: digest(index), files: 1, bytes: index }])),
    mounts: [{ name: 'a mount' }, { name: 'another' }],
  }
}

const json = (document: CacheDocument) => canonicalJson(writeCacheDocument(document))
const bytesOf = (document: CacheDocument) => Buffer.from(json(document))

/** Takes documents in, without anything that they are about. */
function importedCache(): ImportedCache {
  const [lazy, tables] = [{ add() {} }, { get() {} }] as unknown as ConstructorParameters<typeof ImportedCache>
  return new ImportedCache(lazy, tables, () => {})
}

/** The longest turn of the event loop while some work goes on, in milliseconds; the best of some attempts, since noise only adds.
 * @param enough ends the attempts */
async function longestTurn(work: () => Promise<unknown>, enough: number): Promise<number> {
  let best = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < 5 && best > enough; attempt++) {
    let [longest, since, over] = [0, performance.now(), false]
    const look = () => {
      longest = Math.max(longest, performance.now() - since)
      since = performance.now()
      if (!over) setImmediate(look)
    }
    setImmediate(look)
    await work()
    over = true
    look()
    best = Math.min(best, longest)
  }
  return best
}

/** A part of what the same work takes at a stretch on this machine, now. */
function partOf(work: () => unknown): number {
  const begin = performance.now()
  work()
  return (performance.now() - begin) / 4
}

/** Something that happens once. */
function gate() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

const dockerfileText = 'FROM base AS build\nCOPY a /\nFROM base\nCOPY --from=build /a /b\n'

tests('cache records', (test) => {
  for (const count of [0, 1, 500]) {
    test(`readCacheRecord() reads what encodeCacheDocument() wrote: ${count} records`, async () => {
      const document = documentOf(count)
      const bytes = await encodeCacheDocument(document)
      assert.ok(Buffer.from(bytes).toString() === json(document))
      assert.ok(json(await readCacheRecord(bytes)) === json(document))
      const { records, layers, digests, mounts } = await readCacheRecord(bytes, { mountsOnly: true })
      assert.equal(mounts, document.mounts)
      if (count > 1) assert.equal([records.length, layers.length, digests.size], [0, 0, 0])
    })
  }

  test('readCacheRecord() and ImportedCache take 10,000 records without holding up the event loop', async () => {
    const bytes = bytesOf(documentOf(10_000))
    const enough = partOf(() => readCacheDocument(bytes))
    const longest = await longestTurn(async () => {
      const cache = importedCache()
      await cache.add(await readCacheRecord(bytes), { backend: new MemoryCacheBackend() })
      assert.is(cache.lookup(digest(9999)).length, 1)
    }, enough)
    assert.ok(longest <= enough, `${longest} of ${enough} ms`)
  })

  test('ImportedCache lets others have their turn while it takes records', async () => {
    let turns = 0
    const count = () => {
      turns++
      turning = setImmediate(count)
    }
    let turning = setImmediate(count)
    await importedCache().add(documentOf(10_000), { backend: new MemoryCacheBackend() })
    clearImmediate(turning)
    assert.ok(turns > 0)
  })

  test('encodeCacheDocument() writes 10,000 records without holding up the event loop', async () => {
    const document = documentOf(10_000)
    const enough = partOf(() => bytesOf(document))
    const longest = await longestTurn(() => encodeCacheDocument(document), enough)
    assert.ok(longest <= enough, `${longest} of ${enough} ms`)
  })

  test('readCacheRecord() says what is wrong in a large record, as in a small one', async () => {
    for (const count of [2, 500]) {
      const records = documentOf(count).records.map((record, index) =>
        index === 1 ? { ...record, resultId: layerName(7) } : record,
      )
      const error: unknown = await readCacheRecord(bytesOf({ ...documentOf(count), records })).catch((cause) => cause)
      assert.ok(hasCode(error, 'CACHE_INVALID'), String(error))
      assert.is((error as Error).message, `Cannot read a cache: result "${layerName(7)}" is not its layer`)
      assert.is((error as Error).name, 'CoreError')
    }
    const noJson: unknown = await readCacheRecord(Buffer.alloc(100_000, 'x')).catch((cause) => cause)
    assert.ok(hasCode(noJson, 'CACHE_INVALID'), String(noJson))
  })

  test('readCacheRecord() reads nothing of what is too large', async () => {
    const error: unknown = await readCacheRecord(Buffer.alloc((64 << 20) + 1)).catch((cause) => cause)
    assert.ok(hasCode(error, 'CACHE_INVALID'), String(error))
    assert.match(String(error), /more than 67108864 bytes/)
  })

  test('readCacheRecord() ends with the reason of its signal', async () => {
    const reason = new Error('enough')
    const stop = new AbortController()
    const reading = readCacheRecord(bytesOf(documentOf(500)), { signal: stop.signal })
    stop.abort(reason)
    assert.is(await reading.catch((error: unknown) => error), reason)
  })

  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
  for (const [what, member, value, wrong] of [
    ['createdAt after the last date', 'createdAt', '8640000000000001', 'records[0].createdAt is not a time'],
    ['createdAt of 1e300', 'createdAt', '1e300', 'records[0].createdAt is not a time'],
    ['createdAt beyond all numbers', 'createdAt', '1e999', 'records[0].createdAt is not a time'],
    ['createdAt before 1970', 'createdAt', '-1', 'records[0].createdAt is not a time'],
    ['createdAt that is a text', 'createdAt', '"1"', 'records[0].createdAt is not a time'],
    ['durationMs of 1e300', 'durationMs', '1e300', 'records[0].durationMs is not a time'],
    ['facts nested 65 deep', 'facts', nested(65), 'records[0].facts is not nested less than 64 deep'],
    ['facts nested 100,000 deep', 'facts', nested(100_000), 'records[0].facts is not nested less than 64 deep'],
  ] as const) {
    test(`readCacheDocument() refuses a record with ${what}`, () => {
      const text = json({ ...documentOf(0), records: [{ ...recordAt(0), [member]: 'here' }] })
      const bytes = Buffer.from(text.replace('"here"', value))
      try {
        readCacheDocument(bytes)
      } catch (error) {
        assert.ok(hasCode(error, 'CACHE_INVALID'), String(error))
        assert.is((error as Error).message, `Cannot read a cache: record.${wrong}`)
        return
      }
      assert.unreachable()
    })
  }

  test('readCacheDocument() refuses a layer with an odd time, and takes times ahead as now', () => {
    const layers = (createdAt: number) => ({ ...documentOf(0), layers: [{ ...layerAt(0), createdAt }] })
    assert.throws(() => readCacheDocument(bytesOf(layers(1e300))), /layers\[0\]\.createdAt is not a time/)
    const before = Date.now()
    const read = readCacheDocument(
      bytesOf({ ...layers(before + 1e9), records: [{ ...recordAt(0), createdAt: before + 1e9 }] }),
    )
    for (const createdAt of [read.layers[0]?.createdAt, read.records[0]?.createdAt]) {
      assert.ok(createdAt !== undefined && createdAt >= before && createdAt <= Date.now(), String(createdAt))
    }
  })

  test('ImportedCache takes digests of the first import that has them, until they prove wrong', async () => {
    const cache = importedCache()
    const one = (value: number): CacheDocument => ({
      ...documentOf(0),
      digests: new Map([['key', { digest: digest(value), files: 1, bytes: 1 }]]),
    })
    const origin = { backend: new MemoryCacheBackend() }
    await cache.add(one(1), origin)
    await cache.add(one(2), origin)
    assert.is(cache.find('key')?.digest, digest(1))
    cache.disprove('key', { id: 'x', path: '/' })
    assert.is(cache.find('key'), undefined)
  })

  test(
    'build() goes on without a cache whose times are odd, and the root stays sound',
    async () => {
      await using first = await machine()
      await using second = await machine()
      const backend = new MemoryCacheBackend()
      await build(first, { dockerfileText, cacheTo: to(backend, { mode: 'max' }) })
      changeRecord(backend, ({ records, layers }) => {
        for (const one of [...records, ...layers]) one.createdAt = 1e300
      })
      const { ran, warnings } = await build(second, {
        dockerfileText,
        cacheFrom: from(backend),
        tags: ['app'],
        outputs: [{ type: 'image' }],
      })
      assert.is(ran.filter((name) => name.includes('COPY')).length, 2)
      assert.match(warnings.join('\n'), /^Cannot import a cache: .*createdAt is not a time$/)
      await build(second, { dockerfileText, tags: ['app'], outputs: [{ type: 'image' }] })
    },
    { skip },
  )

  test(
    'build() takes steps from a cache whose mounts are odd, and says so',
    async () => {
      await using first = await machine()
      await using second = await machine()
      const backend = new MemoryCacheBackend()
      await build(first, { dockerfileText, cacheTo: to(backend, { mode: 'max' }) })
      changeRecord(backend, (record) => {
        record.mounts = [{ name: 'no name' }]
      })
      const taken = { dockerfileText, cacheFrom: from(backend) }
      const { ran, warnings } = await build(second, { ...taken, cacheMounts: true })
      assert.equal(ran, [])
      assert.is(warnings.length, 1)
      assert.match(warnings[0] ?? '', /^Cannot import the cache mounts of memory: /)
      // Who wants no mounts does not mind.
      assert.equal((await build(second, taken)).warnings, [])
      assert.is(recordOf(backend).mounts?.length, 1)
    },
    { skip },
  )

  for (const [what, obeys] of [
    ['ends when it is told to', true],
    ['does not listen', false],
  ] as const) {
    test(
      `build() that fails ends at once while an import ${what}`,
      async () => {
        await using open = await machine()
        const backend = new MemoryCacheBackend()
        const [asked, aborted, ended] = [gate(), gate(), gate()]
        backend.getRecord = ({ signal }: { readonly signal?: AbortSignal } = {}) => {
          asked.open()
          signal?.addEventListener('abort', aborted.open)
          const over = obeys ? Promise.race([aborted.opened, ended.opened]) : ended.opened
          return over.then(() => {
            throw new Error('told to')
          })
        }
        // Nothing is found there, once the import has begun.
        const registry = createServer(async (_, response) => {
          await asked.opened
          response.writeHead(404).end()
        })
        await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve))
        const { port } = registry.address() as AddressInfo
        try {
          const events: BuildEvent[] = []
          const error: unknown = await open.engine
            .build({
              context: join(open.path, 'context'),
              dockerfileText: `FROM localhost:${port}/nothing\n`,
              cacheFrom: from(backend),
              onEvent: (event) => events.push(event),
            })
            .catch((cause) => cause)
          assert.match(String(error), /nothing/)
          assert.equal(
            events.map(({ kind }) => kind),
            ['vertexAdded', 'started', 'canceled'],
          )
          await aborted.opened
        } finally {
          ended.open()
          registry.close()
          registry.closeAllConnections()
        }
      },
      { skip },
    )
  }
})
