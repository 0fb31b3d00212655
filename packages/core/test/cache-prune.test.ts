import { existsSync } from 'node:fs'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CacheEntry } from '@tsbuild/core'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { keepBytes } from '../dist/cache/keep-bytes.js'
import { UseLog } from '../dist/cache/use-log.js'
import { importFiles, layersOf, type OpenRoot, openRoot, skip } from './images-support.js'

async function build({ engine, path }: OpenRoot, steps: string, tags: string[] = []) {
  const context = join(path, 'context')
  await mkdir(context, { recursive: true })
  await writeFile(join(context, 'one'), '1'.repeat(1000))
  await writeFile(join(context, 'two'), '2'.repeat(2000))
  const outputs = tags.length > 0 ? {} : { outputs: [{ type: 'local' as const, dest: join(path, 'out') }] }
  return await engine.build({ context, dockerfileText: `FROM base\n${steps}`, tags, ...outputs })
}

function names(entries: readonly CacheEntry[]): string[] {
  return entries.map(({ description }) => description.replace(/^.*?(?=COPY|WORKDIR|RUN)/, '')).sort()
}

tests('keepBytes()', (test) => {
  const table: [string, Parameters<typeof keepBytes>[0], number, number, number][] = [
    ['nothing is kept without limits', {}, 100, 10, 0],
    ['so much is reserved', { reservedBytes: 40 }, 100, 10, 40],
    ['not more than the maximum', { maxUsedBytes: 60 }, 100, 10, 60],
    ['all, where enough is free', { minFreeBytes: 10 }, 100, 10, Number.POSITIVE_INFINITY],
    ['what is lacking goes', { minFreeBytes: 30 }, 100, 10, 80],
    ['what is lacking goes, but not what is reserved', { minFreeBytes: 100, reservedBytes: 50 }, 100, 10, 50],
    ['the smaller of both', { minFreeBytes: 30, maxUsedBytes: 50 }, 100, 10, 50],
  ]
  for (const [what, options, used, free, keep] of table) {
    test(`keepBytes() says: ${what}`, () => assert.is(keepBytes(options, used, free), keep))
  }
})

tests('cache', (test) => {
  const options = { skip, timeoutMs: 60_000 }

  test(
    'list() tells size, use and what is shared; a hit counts once in a while',
    async () => {
      await using open = await openRoot()
      await importFiles(open.engine, 'base', { a: 'a' })
      await build(open, 'COPY one /\nCOPY two /\n')
      const [two, one] = (await open.engine.cache.list())
        .filter(({ type, sizeBytes }) => type === 'regular' && sizeBytes > 0)
        .sort((a, b) => b.sizeBytes - a.sizeBytes)
      if (one === undefined || two === undefined) throw new Error('two entries expected')
      assert.equal([one.sizeBytes, two.sizeBytes], [1000, 2000])
      assert.equal(two.parents, [one.id])
      assert.equal([two.shared, two.inUse, two.usageCount], [false, false, 0])
      for (let n = 0; n < 3; n++) await build(open, 'COPY one /\nCOPY two /\n', ['app'])
      const after = (await open.engine.cache.list()).find(({ id }) => id === two.id)
      assert.is(after?.usageCount, 1)
      assert.is(after?.shared, true)
      assert.ok((after?.lastUsedAt ?? 0) >= two.lastUsedAt)
    },
    options,
  )

  test('UseLog notes uses that are ten minutes apart', async () => {
    await using open = await openRoot()
    const { openStore } = await import('@tsbuild/store')
    const { openSessionLocks } = await import('@tsbuild/host')
    await using sessions = openSessionLocks(join(open.path, 'locks'))
    await using store = await openStore(join(open.path, 'store'), { sessions })
    const log = new UseLog(store.metadata)
    await log.note(['a'], 1000)
    await log.note(['a', 'b'], 500_000)
    await log.note(['a'], 700_000)
    assert.equal(log.get('a'), { at: 700_000, count: 2 })
    assert.equal(log.get('b'), { at: 500_000, count: 1 })
    await log.forget((id) => id === 'a')
    assert.is(log.get('b'), undefined)
  })

  test(
    'prune() takes what nobody else has, and with all the records of images, too; their layers stay',
    async () => {
      await using open = await openRoot()
      await importFiles(open.engine, 'base', { a: 'a' })
      await build(open, 'COPY one /\n', ['app'])
      await build(open, 'COPY two /\n')
      const before = await layersOf(open.root)
      const pruned = await open.engine.cache.prune()
      assert.ok(names(pruned.entries).some((name) => name.includes('COPY')))
      assert.is(pruned.reclaimedBytes, 2000)
      assert.is((await layersOf(open.root)).length, before.length - 1)
      const hit = await build(open, 'COPY one /\n', ['app'])
      assert.ok(hit.steps.every(({ cached }) => cached))
      const rest = await open.engine.cache.prune({ all: true })
      assert.is(rest.reclaimedBytes, 0)
      assert.equal(await open.engine.cache.list(), [])
      assert.ok(open.engine.images.inspect('app').layers.length > 0)
      const again = await build(open, 'COPY two /\n')
      assert.ok(again.steps.some(({ cached }) => !cached))
      assert.ok(existsSync(join(open.path, 'out/two')))
      assert.equal((await open.engine.check({ deep: true })).findings, [])
    },
    options,
  )

  test(
    'prune() with limits takes the least recently used, with what was made on it',
    async () => {
      await using open = await openRoot()
      await importFiles(open.engine, 'base', { a: 'a' })
      await build(open, 'COPY one /first\n')
      await build(open, 'COPY two /second\nCOPY one /third\n')
      const pruned = await open.engine.cache.prune({ maxUsedBytes: 3500 })
      assert.is(pruned.entries.filter(({ sizeBytes }) => sizeBytes > 0).length, 1)
      assert.is(pruned.reclaimedBytes, 1000)
      assert.equal((await open.engine.cache.prune({ reservedBytes: 3000 })).entries, [])
      const parent = (await open.engine.cache.list()).find(({ sizeBytes }) => sizeBytes === 2000)
      const chosen = await open.engine.cache.prune({ filter: { id: parent?.id ?? '' } })
      assert.is(chosen.entries.length, 2)
      assert.is(chosen.reclaimedBytes, 3000)
    },
    options,
  )

  test(
    'prune() meets its filters',
    async () => {
      await using open = await openRoot()
      await importFiles(open.engine, 'base', { a: 'a' })
      await build(open, 'COPY one /\n')
      const prune = (filter: object) => open.engine.cache.prune({ filter }).then(({ entries }) => entries.length)
      assert.is(await prune({ type: 'exec.cachemount' }), 0)
      assert.is(await prune({ inUse: true }), 0)
      assert.is(await prune({ unusedSince: Date.now() - 60_000 }), 0)
      assert.is(await prune({ description: /no such step/ }), 0)
      assert.ok((await prune({ unusedSince: Date.now() + 60_000, type: 'regular' })) > 0)
      assert.equal(
        (await open.engine.cache.list()).filter(({ sizeBytes }) => sizeBytes > 0),
        [],
      )
    },
    options,
  )

  test(
    'prune() takes folders of cache mounts, with those of an unknown step',
    async () => {
      await using open = await openRoot()
      const folder = join(open.root, 'cache-mounts', 'ab'.repeat(16))
      await mkdir(folder, { recursive: true })
      await writeFile(join(folder, 'file'), 'x'.repeat(700))
      const [entry] = await open.engine.cache.list({ type: 'exec.cachemount' })
      assert.is(entry?.sizeBytes, 700)
      const { reclaimedBytes } = await open.engine.cache.prune({ filter: { type: 'exec.cachemount' } })
      assert.is(reclaimedBytes, 700)
      assert.equal(await readdir(join(open.root, 'cache-mounts')), [])
    },
    options,
  )

  test(
    'prune() goes on where another one takes a folder of a cache mount meanwhile',
    async () => {
      await using open = await openRoot()
      for (const pair of ['ab', 'cd', 'ef']) {
        const folder = join(open.root, 'cache-mounts', pair.repeat(16))
        await mkdir(folder, { recursive: true })
        await writeFile(join(folder, 'file'), 'x'.repeat(700))
      }
      const prune = () => open.engine.cache.prune({ filter: { type: 'exec.cachemount' } })
      const reports = await Promise.all([prune(), prune(), prune()])
      assert.is(
        reports.reduce((sum, { reclaimedBytes }) => sum + reclaimedBytes, 0),
        2100,
      )
      assert.equal(await readdir(join(open.root, 'cache-mounts')), [])
    },
    options,
  )
})
