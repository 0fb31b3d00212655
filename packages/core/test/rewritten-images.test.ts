import { lstat, mkdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type BuildResult, serveRegistry } from '@tsbuild/core'
import { digestOf } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { importFiles, layersOf, type OpenRoot, openRoot, skip } from './images-support.js'

const epoch = 1_700_000_000

/** An image of four layers: of the first nothing was cut, and the last but one changes and removes what is below. */
async function buildCut({ engine, path }: OpenRoot, name: string): Promise<BuildResult> {
  const context = join(path, 'context')
  await mkdir(join(context, 'tree/deep'), { recursive: true })
  for (const file of ['old', 'tree/a', 'tree/deep/b']) await writeFile(join(context, file), file)
  await utimes(join(context, 'old'), 1000, 1000)
  return await engine.build({
    context,
    dockerfileText: 'FROM base\nCOPY tree /tree/\nWORKDIR /tree/new\nCOPY old /tree/a\n',
    buildArgs: { SOURCE_DATE_EPOCH: String(epoch) },
    outputs: [{ type: 'image', rewriteTimestamp: true }],
    tags: [name],
  })
}

async function saved({ engine, path }: OpenRoot, name: string): Promise<string> {
  const archive = join(path, 'image.tar')
  await engine.images.save([name], archive, { format: 'oci-archive' })
  return digestOf(await readFile(archive))
}

tests('images with cut times', (test) => {
  for (const snapshotter of ['auto', 'native'] as const) {
    test(
      `${snapshotter}: an image built with rewrite-timestamp outlives a prune, leaves as it was, and is built on without network`,
      async () => {
        await using open = await openRoot({ gc: false, snapshotter })
        const { engine, root, path } = open
        await importFiles(engine, 'base', { a: 'base' })
        const [base] = await layersOf(root)
        const server = await serveRegistry({ root: join(path, 'registry') })
        const name = `${server.url.replace(/^\w+:\/\//, '')}/app:1`
        const again = name.replace(/1$/, 'again')
        let archive: string | undefined
        try {
          const { imageDigest } = await buildCut(open, name)
          archive = await saved(open, name)
          const pushed = await engine.images.push(name)
          // A released lease counts on for a prune that began in the same millisecond.
          const released = Date.now()
          while (Date.now() === released);
          await engine.cache.prune({ all: true })
          assert.equal(await engine.cache.list(), [])
          assert.is(engine.images.inspect(name).digest, imageDigest)
          assert.equal((await engine.check({ deep: true })).findings, [])
          assert.is(await saved(open, name), archive)
          await engine.images.tag(name, again)
          assert.is((await engine.images.push(again)).digest, pushed.digest)
        } finally {
          await server[Symbol.asyncDispose]()
        }

        // From here on there is no registry.
        const dest = join(path, 'out')
        const child = await engine.build({
          context: join(path, 'context'),
          dockerfileText: `FROM ${name}\nCOPY tree/deep/b /child\n`,
          outputs: [{ type: 'image' }, { type: 'local', dest }],
          tags: ['child'],
        })
        const { diff_ids: below } = engine.images.inspect(name).config.rootfs
        assert.equal(child.config?.rootfs.diff_ids.slice(0, -1), below)
        assert.is(await readFile(join(dest, 'tree/a'), 'utf8'), 'old')
        for (const file of ['tree/new', 'tree/deep/b']) assert.is((await lstat(join(dest, file))).mtimeMs, epoch * 1000)
        const container = await engine.containers.create({ image: name, command: ['/a'] })
        await container.remove()
        assert.is(await saved(open, name), archive)
        assert.equal((await engine.check({ deep: true })).findings, [])

        for (const one of ['child', again, name]) await engine.images.remove(one)
        await engine.cache.prune({ all: true })
        assert.equal(await layersOf(root), [base])
        assert.equal((await engine.check({ deep: true })).findings, [])
      },
      { skip, timeoutMs: 60_000 },
    )
  }
})
