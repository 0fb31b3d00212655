import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BuildOptions } from '@tsbuild/core'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { importFiles, type OpenRoot, openRoot, skip } from './images-support.js'
import { serve } from './registry-served.js'

const options = { skip, timeoutMs: 60_000 }

/** A registry with a base image, and a context for all roots. */
async function places() {
  const served = await serve()
  const { port } = served.server
  const host = `localhost:${port}`
  const first = await openRoot({ gc: false })
  await importFiles(first.engine, `${host}/base`, { etc: 'base' })
  await first.engine.images.push(`${host}/base`)
  const context = join(first.path, 'context')
  await mkdir(context)
  for (const name of ['a', 'b']) await writeFile(join(context, name), name)
  const text = `FROM ${host}/base AS build\nCOPY a /a\nFROM ${host}/base\nCOPY --from=build /a /\nCOPY b /\n`
  const build = async ({ engine }: OpenRoot, more: BuildOptions = {}) => {
    const result = await engine.build({
      context,
      dockerfileText: text,
      outputs: [{ type: 'registry', names: [`${host}/app`] }],
      cacheTo: [{ type: 'inline' }],
      ...more,
    })
    const ran = result.steps.filter(({ cached }) => !cached).map(({ name }) => name)
    return { result, ran, warnings: result.warnings.map(({ message }) => message) }
  }
  return {
    first,
    text,
    host,
    build,
    cacheFrom: [{ type: 'registry', ref: `${host}/app` }] as const,
    async [Symbol.asyncDispose]() {
      await first[Symbol.asyncDispose]()
      await served[Symbol.asyncDispose]()
    },
  }
}

tests('caches inside of images', (test) => {
  test(
    'build() pushes the same image as often as all is cached',
    async () => {
      await using all = await places()
      const { build, cacheFrom } = all
      const digests = new Set([(await build(all.first)).result.pushed[0]?.digest])
      for (let turn = 0; turn < 3; turn++) {
        await using other = await openRoot({ gc: false })
        for (let again = 0; again < 2; again++) {
          const { result, ran, warnings } = await build(other, { cacheFrom })
          assert.equal(ran, [])
          assert.equal(warnings, [])
          digests.add(result.pushed[0]?.digest)
        }
      }
      assert.is(digests.size, 1)
    },
    options,
  )

  test(
    'build() takes the steps of each platform from its image',
    async () => {
      await using all = await places()
      await using other = await openRoot({ gc: false })
      const { build, cacheFrom } = all
      const more = {
        dockerfileText: 'FROM scratch\nARG TARGETARCH\nCOPY a /a-$TARGETARCH\nCOPY b /\n',
        platform: ['linux/amd64', 'linux/arm64'],
      }
      const made = await build(all.first, more)
      assert.is(made.ran.length, 4)
      const taken = await build(other, { ...more, cacheFrom })
      assert.equal(taken.ran, [])
      assert.equal(taken.warnings, [])
      assert.is(taken.result.pushed[0]?.digest, made.result.pushed[0]?.digest)
      // The other one alone, too, and in the other order.
      for (const platform of [['linux/arm64'], ['linux/arm64', 'linux/amd64']]) {
        await using third = await openRoot({ gc: false })
        assert.equal((await build(third, { ...more, platform, cacheFrom, outputs: [] })).ran, [])
      }
    },
    options,
  )

  test(
    'build() names no layers whose times are cut in the cache of the image',
    async () => {
      await using all = await places()
      const { build, cacheFrom } = all
      const epoch = { sourceDateEpoch: 1, rewriteTimestamp: true }
      const made = await build(all.first, epoch)
      // Times are not cut here, and the image has layers of the same steps.
      const again = await build(all.first, { cacheFrom })
      assert.equal(again.ran, [])
      assert.equal(again.warnings, [])
      await build(all.first, epoch)
      await using other = await openRoot({ gc: false })
      const taken = await build(other, { ...epoch, cacheFrom })
      assert.equal(taken.warnings, [])
      assert.is(taken.ran.length, 3)
      const layers = (one: typeof made) => one.result.config?.rootfs.diff_ids
      assert.equal(layers(taken), layers(made))
    },
    options,
  )
})
