import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { relative } from 'node:path'
import { join } from 'node:path/posix'
import { type Engine, openEngine } from '@tsbuild/core'
import { hasCode } from '@tsbuild/spec'
import { type TestOptions, tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { needsRoot } from './files-support.js'

const options: TestOptions = { skip: needsRoot }

interface Document {
  readonly manifests?: readonly { readonly digest: string; readonly platform?: { readonly architecture: string } }[]
  readonly layers?: readonly { readonly digest: string }[]
}

const blobPath = (layout: string, digest = '') => join(layout, 'blobs', digest.replace(':', '/'))

async function read(path: string): Promise<Document> {
  return JSON.parse(await readFile(path, 'utf8')) as Document
}

/** A layout with one image a platform, whose file /arch names it. */
async function makeLayout(engine: Engine, context: string, dest: string): Promise<void> {
  await engine.build({
    context,
    dockerfileText: 'FROM scratch\nARG TARGETARCH\nCOPY <<E /arch\n$TARGETARCH\nE',
    platform: ['linux/amd64', 'linux/arm64'],
    outputs: [{ type: 'oci', dest, tar: false }],
  })
}

/** What a build that copies /arch from context `x` gives for a platform. */
async function archOf(engine: Engine, context: string, value: string, platform?: string): Promise<string> {
  await using out = await tempDir()
  await engine.build({
    context,
    dockerfileText: 'FROM x\nCOPY --from=x /arch /copied',
    buildContexts: { x: value },
    outputs: [{ type: 'local', dest: out.path }],
    ...(platform === undefined ? {} : { platform }),
  })
  const [base, copied] = [
    await readFile(join(out.path, 'arch'), 'utf8'),
    await readFile(join(out.path, 'copied'), 'utf8'),
  ]
  assert.is(base, copied)
  return base.trim()
}

tests('oci-layout:// contexts', (test) => {
  test(
    'build() takes the image of its platform from an index, also by a relative path',
    async () => {
      await using dir = await tempDir()
      const layout = join(dir.path, 'layout')
      await using maker = await openEngine({ root: join(dir.path, 'maker') })
      await makeLayout(maker, dir.path, layout)
      await using engine = await openEngine({ root: join(dir.path, 'root') })
      assert.is(await archOf(engine, dir.path, `oci-layout://${layout}`, 'linux/amd64'), 'amd64')
      const shown = `oci-layout://${relative(process.cwd(), layout)}`
      assert.is(await archOf(engine, dir.path, shown, 'linux/arm64'), 'arm64')
      const none = await archOf(engine, dir.path, shown, 'linux/s390x').catch((thrown: unknown) => thrown)
      assert.match(String(none), /no image for linux\/s390x/)
    },
    options,
  )

  test(
    'build() takes no blob whose content is not what its name says, and none that is missing',
    async () => {
      await using dir = await tempDir()
      const layout = join(dir.path, 'layout')
      await using maker = await openEngine({ root: join(dir.path, 'maker') })
      await makeLayout(maker, dir.path, layout)
      const top = (await read(join(layout, 'index.json'))).manifests?.[0]?.digest
      const images = (await read(blobPath(layout, top))).manifests ?? []
      const image = images.find(({ platform }) => platform?.architecture === 'amd64')?.digest
      const layer = (await read(blobPath(layout, image))).layers?.[0]?.digest
      const spoilt = join(dir.path, 'spoilt')
      const changes: Record<string, (path: string) => Promise<void>> = {
        changed: async (path) => {
          const bytes = await readFile(path)
          bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
          await writeFile(path, bytes)
        },
        missing: (path) => rm(path),
        longer: async (path) => writeFile(path, Buffer.concat([await readFile(path), Buffer.from('x')])),
      }
      for (const [name, change] of Object.entries(changes)) {
        const copy = `${spoilt}-${name}`
        await cp(layout, copy, { recursive: true })
        await change(blobPath(copy, layer))
        await using engine = await openEngine({ root: join(dir.path, `root-${name}`) })
        const error = await archOf(engine, dir.path, `oci-layout://${copy}`, 'linux/amd64').catch(
          (thrown: unknown) => thrown,
        )
        assert.instance(error, Error, name)
        assert.match(String(error), /digest|bytes|size|missing/i, `${name}: ${error}`)
        // The whole one serves afterwards, so nothing of the other was kept.
        assert.is(await archOf(engine, dir.path, `oci-layout://${layout}`, 'linux/amd64'), 'amd64')
      }
    },
    options,
  )

  test(
    'build() tells a layout from an image of the same name, and knows scratch',
    async () => {
      await using dir = await tempDir()
      const layout = join(dir.path, 'layout')
      await using engine = await openEngine({ root: join(dir.path, 'root') })
      await makeLayout(engine, dir.path, layout)
      await engine.build({
        context: dir.path,
        dockerfileText: 'FROM scratch\nCOPY <<E /arch\nthe image\nE',
        tags: ['x'],
      })
      const out = join(dir.path, 'out')
      await engine.build({
        context: dir.path,
        dockerfileText: 'FROM empty\nCOPY --from=x /arch /layout\nCOPY --from=y /arch /image',
        platform: 'linux/amd64',
        buildContexts: { x: `oci-layout://${layout}`, y: 'docker-image://x', empty: 'docker-image://scratch' },
        outputs: [{ type: 'local', dest: out }],
      })
      assert.is(await readFile(join(out, 'layout'), 'utf8'), 'amd64\n')
      assert.is(await readFile(join(out, 'image'), 'utf8'), 'the image\n')
      const unknown = await engine
        .build({
          context: dir.path,
          dockerfileText: 'FROM a',
          buildContexts: { a: 'docker-image://localhost:1/none:v1@sha256:12' },
        })
        .catch((thrown: unknown) => thrown)
      assert.ok(hasCode(unknown, 'REFERENCE_INVALID'), String(unknown))
    },
    options,
  )
})
