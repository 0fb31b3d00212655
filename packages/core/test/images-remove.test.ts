import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openEngine } from '@tsbuild/core'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { blobsOf, fails, importFiles, layersOf, openRoot, skip } from './images-support.js'

tests('images.remove()', (test) => {
  test(
    'remove() takes one of several names, and with the last one the image and its layers',
    async () => {
      await using open = await openRoot()
      const { images } = open.engine
      const id = await importFiles(open.engine, 'app:1', { a: 'content' })
      await images.tag('app:1', 'app:2')
      const first = await images.remove('app:1')
      assert.equal(first, { untagged: ['app:1'], deleted: [], reclaimedBytes: 0 })
      const [diffId] = images.inspect('app:2').config.rootfs.diff_ids
      const last = await images.remove('app:2')
      assert.equal(last.untagged, ['app:2'])
      assert.equal(last.deleted, [id, diffId])
      assert.ok(last.reclaimedBytes > 'content'.length)
      assert.equal(await blobsOf(open.root), [])
      assert.equal(await layersOf(open.root), [])
      await fails(images.remove('app:2'), 'IMAGE_NOT_FOUND')
    },
    { skip, timeoutMs: 30_000 },
  )

  test(
    'remove() by id takes the only name, and several names only when forced',
    async () => {
      await using open = await openRoot()
      const { images } = open.engine
      const one = await importFiles(open.engine, 'one', { a: '1' })
      const two = await importFiles(open.engine, 'two:1', { a: '2' })
      await images.tag('two:1', 'more:2')
      assert.equal((await images.remove(one)).untagged, ['one:latest'])
      const error = await fails(images.remove(two.slice(7, 19)), 'IMAGE_IN_USE', /it has several names/)
      assert.match(error.hint ?? '', /more:2, two:1/)
      assert.equal((await images.remove(two, { force: true })).untagged, ['more:2', 'two:1'])
      assert.equal(images.list({ all: true }), [])
      const near = await importFiles(open.engine, 'debian:12', {})
      assert.ok(near)
      assert.is((await fails(images.remove('debain:12'), 'IMAGE_NOT_FOUND')).hint, 'Did you mean "debian:12"?')
    },
    { skip, timeoutMs: 30_000 },
  )

  test(
    'remove() leaves what another image or the cache has',
    async () => {
      await using open = await openRoot()
      const { engine } = open
      await importFiles(engine, 'base', { a: 'base' })
      await engine.build({ context: open.path, dockerfileText: 'FROM base\nWORKDIR /made\n', tags: ['app'] })
      const before = await layersOf(open.root)
      assert.is(before.length, 2)
      const removed = await engine.images.remove('base')
      assert.is(removed.deleted.length, 1, 'the layer belongs to app, too')
      assert.equal(await layersOf(open.root), before)
      await engine.images.remove('app')
      assert.is((await layersOf(open.root)).length, 1, 'the step is remembered, its base is not')
    },
    { skip, timeoutMs: 30_000 },
  )

  test(
    'remove() refuses an image that a container was made of, and keeps its files when forced',
    async () => {
      await using open = await openRoot()
      const { engine } = open
      await importFiles(engine, 'app', { a: '1' })
      const container = await engine.containers.create({ image: 'app', command: ['/a'], name: 'user' })
      await fails(engine.images.remove('app'), 'IMAGE_IN_USE', /stopped container .* \("user"\) uses it/)
      const before = await layersOf(open.root)
      const { untagged } = await engine.images.remove('app', { force: true })
      assert.equal(untagged, ['app:latest'])
      assert.equal(await layersOf(open.root), before)
      await container.remove()
    },
    { skip, timeoutMs: 30_000 },
  )

  test(
    'remove() leaves what another process uses for a build',
    async () => {
      await using open = await openRoot()
      await using other = await openEngine({ root: open.root })
      await importFiles(open.engine, 'base', { 'a/b': 'base' })
      const before = await layersOf(open.root)
      const removing: Promise<unknown>[] = []
      // While the step of one engine runs, the other one removes what it stands on.
      await open.engine.build({
        context: open.path,
        dockerfileText: 'FROM base\nWORKDIR /one\nWORKDIR /two\n',
        tags: ['app'],
        onEvent: (event) => {
          if (event.kind === 'completed' && removing.length === 0) removing.push(other.images.remove('base'))
        },
      })
      await Promise.all(removing)
      assert.is(removing.length, 1)
      assert.ok((await layersOf(open.root)).includes(before[0] ?? '?'))
      const layers = open.engine.images.inspect('app').graphDriver.layers
      assert.is(await readFile(join(layers.at(-1) ?? '', 'a/b'), 'utf8'), 'base')
    },
    { skip, timeoutMs: 30_000 },
  )

  test(
    'removing and building at once leaves images whole',
    async () => {
      await using open = await openRoot({ registry: { retry: { attempts: 1 } } })
      await using other = await openEngine({ root: open.root })
      for (let round = 0; round < 8; round++) {
        await importFiles(open.engine, 'localhost:1/base', { a: String(round) })
        const build = open.engine
          .build({
            context: open.path,
            dockerfileText: 'FROM localhost:1/base\nWORKDIR /w\nLABEL a=1\n',
            tags: ['app'],
          })
          .then(() => undefined)
          .catch((error: Error) => error)
        const removals = ['localhost:1/base', 'app'].map((name) =>
          other.images.remove(name).catch((error: Error) => error),
        )
        const [failure] = await Promise.all([build, ...removals])
        // Who comes too late is told so; it never gets half an image.
        if (failure !== undefined) assert.match(failure.message, /removed just now|no such image|cannot reach/)
        for (const { id } of open.engine.images.list({ all: true })) {
          const { layers, config } = open.engine.images.inspect(id)
          assert.is(layers.length, config.rootfs.diff_ids.length, 'an image without its layers')
        }
      }
    },
    { skip, timeoutMs: 60_000 },
  )
})

tests('images.prune()', (test) => {
  test(
    'prune() takes nameless images, with all those without a container, and tells the space',
    async () => {
      await using open = await openRoot()
      const { images } = open.engine
      const nameless = await importFiles(open.engine, undefined, { a: 'x'.repeat(5000) })
      await importFiles(open.engine, 'kept', { a: '1' }, { changes: ['LABEL keep=yes'] })
      await importFiles(open.engine, 'gone', { a: '2' })
      await importFiles(open.engine, 'used', { a: '3' })
      const container = await open.engine.containers.create({ image: 'used', command: ['/a'] })
      const first = await images.prune()
      assert.is(first.deleted[0], nameless)
      assert.ok(first.reclaimedBytes >= 5000)
      assert.equal((await images.prune({ all: true, filter: { until: 0 } })).deleted, [])
      const second = await images.prune({ all: true, filter: { notLabels: ['keep=yes'] } })
      assert.equal(second.untagged, ['gone:latest'])
      assert.equal(
        images
          .list({ all: true })
          .map(({ repository }) => repository)
          .sort(),
        ['kept', 'used'],
      )
      await container.remove()
      await images.prune({ all: true })
      assert.equal([await blobsOf(open.root), await layersOf(open.root)], [[], []])
    },
    { skip, timeoutMs: 30_000 },
  )
})
