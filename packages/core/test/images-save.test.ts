import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { layout } from './image-archives.js'
import { fails, importFiles, openRoot, skip } from './images-support.js'

tests('images.save()', (test) => {
  for (const format of ['docker-archive', 'oci-archive', 'oci-dir'] as const) {
    test(
      `save() as ${format} gives what load() takes back, several images in one`,
      async () => {
        await using open = await openRoot()
        await using other = await openRoot()
        const { images } = open.engine
        await importFiles(open.engine, 'one:1', { a: 'x'.repeat(3000) }, { changes: ['CMD ["/a"]'] })
        await importFiles(open.engine, 'two', { a: 'x'.repeat(3000), b: '2' })
        await images.tag('one:1', 'one:2')
        await images.load(Readable.from([layout()]))
        const path = join(open.path, 'saved')
        await images.save(['one', 'two:latest', images.inspect('one:1').id, 'localhost:5000/app:1'], path, { format })
        const loaded = await other.engine.images.load(path)
        const shown = (engine: typeof open.engine) =>
          engine.images
            .list()
            .map(({ repository, tag, id }) => `${repository}:${tag} ${id}`)
            .sort()
        assert.equal(shown(other.engine), shown(open.engine))
        assert.is(loaded.length, 3)
        assert.equal(other.engine.images.history('one:1'), images.history('one:1'))
        if (format !== 'docker-archive') {
          const digest = ({ engine }: typeof open) => engine.images.inspect('localhost:5000/app:1').digest
          assert.is(digest(other), digest(open), 'what came from elsewhere leaves as it came')
        }
        await images.save(['one:1'], path, { format })
      },
      { skip, timeoutMs: 30_000 },
    )
  }

  test(
    'save() leaves nothing when it is aborted or has no image',
    async () => {
      await using open = await openRoot()
      const { images } = open.engine
      await importFiles(open.engine, 'one', { a: 'x'.repeat(3000) })
      const stop = new AbortController()
      const reason = new Error('enough')
      for (const format of ['docker-archive', 'oci-archive', 'oci-dir'] as const) {
        const saving = images.save(['one'], join(open.path, 'out'), {
          format,
          signal: stop.signal,
          onEvent: () => stop.abort(reason),
        })
        assert.is(await saving.catch((error: unknown) => error), reason)
        assert.equal(await readdir(open.path), ['root'], format)
      }
      await fails(images.save(['one', 'none'], join(open.path, 'out')), 'IMAGE_NOT_FOUND')
      await fails(images.save([], join(open.path, 'out')), 'OPTION_INVALID')
      await fails(images.save(['one'], new PassThrough(), { format: 'oci-dir' }), 'OPTION_INVALID')
      await fails(images.save(['one'], join(open.path, 'no', 'where', 'x')), 'OUTPUT_FAILED')
      assert.equal(await readdir(open.path), ['root'])
    },
    { skip, timeoutMs: 30_000 },
  )
})
