import { Readable } from 'node:stream'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { importFiles, openRoot, rootfs, skip } from './images-support.js'

tests('images.list()', (test) => {
  test(
    'list() filters by name, label, age and namelessness',
    async () => {
      await using open = await openRoot()
      const { images } = open.engine
      const first = await importFiles(open.engine, 'team/app:1', { a: '1' }, { changes: ['LABEL tier=web owner=x'] })
      await importFiles(open.engine, 'localhost:5000/app:2', { a: '2' }, { changes: ['LABEL tier=db'] })
      await importFiles(open.engine, '[::1]:5000/app:2', { a: '3' })
      const nameless = await importFiles(open.engine, undefined, { a: '4' })
      const names = (filter: Parameters<typeof images.list>[0]) =>
        images
          .list(filter)
          .map(({ repository, tag }) => `${repository}:${tag}`)
          .sort()
      const all = ['<none>:<none>', '[::1]:5000/app:2', 'localhost:5000/app:2', 'team/app:1']
      assert.equal(names({}), all)
      const cases: readonly (readonly [Parameters<typeof names>[0], readonly string[]])[] = [
        [{ filter: { dangling: true } }, ['<none>:<none>']],
        [{ filter: { dangling: false } }, all.slice(1)],
        [{ filter: { references: ['team/app'] } }, ['team/app:1']],
        [{ filter: { references: ['*/*'] } }, ['localhost:5000/app:2', 'team/app:1', '[::1]:5000/app:2'].sort()],
        [{ filter: { references: ['*/*:1', 'localhost:5000/*'] } }, ['localhost:5000/app:2', 'team/app:1']],
        [{ filter: { references: ['[::1]:5000/app:2'] } }, ['[::1]:5000/app:2']],
        [{ filter: { references: ['app'] } }, []],
        [{ filter: { labels: ['tier'] } }, ['localhost:5000/app:2', 'team/app:1']],
        [{ filter: { labels: ['tier=web', 'owner'] } }, ['team/app:1']],
        [{ filter: { labels: ['tier=web'], notLabels: ['owner'] } }, []],
        [{ filter: { before: first } }, []],
        [{ filter: { since: first } }, all.filter((name) => name !== 'team/app:1')],
        [{ filter: { before: nameless } }, all.slice(1)],
        [{ filter: { until: 0 } }, []],
        [{ filter: { until: Date.now() + 60_000 } }, all],
      ]
      for (const [filter, expected] of cases) assert.equal(names(filter), expected, JSON.stringify(filter))
      assert.throws(() => images.list({ filter: { since: 'nope' } }), /no such image/)
      assert.throws(() => images.list({ filter: { references: ['a['] } }), /it is no pattern/)
    },
    { skip, timeoutMs: 30_000 },
  )

  test(
    'list() hides a nameless image that another one was built on, unless all are asked for',
    async () => {
      await using open = await openRoot()
      const { engine } = open
      const dockerfile = (more: string) => `FROM scratch\nLABEL a=1\n${more}`
      const context = open.path
      await engine.build({ context, dockerfileText: dockerfile(''), tags: ['app'] })
      const first = engine.images.inspect('app').id
      await engine.build({ context, dockerfileText: dockerfile('LABEL b=2\n'), tags: ['app'] })
      assert.equal(
        engine.images.list().map(({ repository }) => repository),
        ['app'],
      )
      const all = engine.images.list({ all: true })
      assert.equal(all.map(({ repository }) => repository).sort(), ['<none>', 'app'])
      assert.is(all.find(({ repository }) => repository === '<none>')?.id, first)
      await engine.build({ context, dockerfileText: 'FROM scratch\nLABEL c=1\n', tags: ['app'] })
      assert.equal(
        engine.images
          .list()
          .map(({ repository }) => repository)
          .sort(),
        ['<none>', 'app'],
      )
    },
    { skip, timeoutMs: 30_000 },
  )

  test(
    'inspect() knows every name of an image, and where its layers lie',
    async () => {
      await using open = await openRoot({ snapshotter: 'native' })
      const { images } = open.engine
      const id = await importFiles(open.engine, 'app:1', { a: '1' }, { message: 'by hand' })
      await images.tag('app:1', 'localhost:5000/team/app:x')
      const details = images.inspect(id.slice('sha256:'.length, 'sha256:'.length + 6))
      assert.equal([...details.names].sort(), ['app:1', 'localhost:5000/team/app:x'])
      assert.equal([...details.repoDigests].sort(), [
        `app@${details.digest}`,
        `localhost:5000/team/app@${details.digest}`,
      ])
      assert.is(details.graphDriver.name, 'native')
      assert.is(details.graphDriver.layers.length, 1)
      assert.is(images.inspect(`app@${details.digest}`).id, id)
      assert.equal(
        images.history('app:1').map(({ comment }) => comment),
        ['by hand'],
      )
      assert.throws(() => images.inspect('ap:1'), /no such image/)
    },
    { skip, timeoutMs: 30_000 },
  )
})

tests('images.import()', (test) => {
  test(
    'import() applies changes, keeps the platform and shares an equal layer',
    async () => {
      await using open = await openRoot()
      const { images } = open.engine
      const tar = rootfs({ 'bin/x': 'x' })
      const one = await images.import(Readable.from([tar]), {
        name: 'one',
        changes: ['CMD ["/bin/x"]', 'ENV A=b'],
        platform: 'linux/arm64/v8',
      })
      await images.import(Readable.from([tar]), { name: 'two' })
      const details = images.inspect('one')
      assert.is(details.id, one.id)
      assert.equal([details.config.architecture, details.config.os], ['arm64', 'linux'])
      assert.equal(details.config.config?.Cmd, ['/bin/x'])
      assert.equal(details.config.config?.Env, ['A=b'])
      assert.equal(
        details.config.history?.map(({ comment }) => comment),
        ['Imported from -'],
      )
      assert.equal(images.inspect('two').layers, details.layers)
    },
    { skip, timeoutMs: 30_000 },
  )
})
