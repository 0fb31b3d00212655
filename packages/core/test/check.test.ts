import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CheckReport, Engine } from '@tsbuild/core'
import { digestHex } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { blobsOf, importFiles, layersOf, type OpenRoot, openRoot, skip } from './images-support.js'

/** An image, a build on it with two steps, and a container. */
async function filled(): Promise<OpenRoot> {
  const open = await openRoot()
  await importFiles(open.engine, 'base', { a: 'base' })
  await build(open)
  await open.engine.containers.create({ image: 'app', name: 'box', command: ['/a'] })
  return open
}

async function build({ engine, path }: OpenRoot) {
  await mkdir(join(path, 'context'), { recursive: true })
  await writeFile(join(path, 'context', 'file'), 'content')
  const dockerfileText = 'FROM base\nWORKDIR /made\nCOPY file .\n'
  return await engine.build({ context: join(path, 'context'), dockerfileText, tags: ['app'] })
}

function kinds({ findings }: CheckReport): string[] {
  return [...new Set(findings.map(({ kind }) => kind))].sort()
}

/** Repairs, and makes sure that nothing is left to repair. */
async function repair(engine: Engine): Promise<CheckReport> {
  const report = await engine.check({ repair: true, deep: true, graceMs: -60_000 })
  assert.ok(report.clean, JSON.stringify(report.findings))
  assert.equal((await engine.check({ deep: true, graceMs: -60_000 })).findings, [])
  return report
}

async function layerOfStep({ root }: OpenRoot, file: string): Promise<string> {
  for (const name of await layersOf(root)) {
    if (existsSync(join(root, 'snapshots', name, 'fs', file))) return name
  }
  throw new Error(`no layer has ${file}`)
}

tests('check()', (test) => {
  const options = { skip, timeoutMs: 60_000 }

  test(
    'check() finds nothing in a sound root folder, and tells how far it is',
    async () => {
      await using open = await filled()
      const phases = new Set<string>()
      const onProgress = (phase: string) => void phases.add(phase)
      assert.equal(await open.engine.check({ deep: true, graceMs: 0, onProgress }), { findings: [], clean: true })
      assert.equal([...phases].sort(), ['blobs', 'containers', 'images', 'layers', 'records', 'snapshots'])
    },
    options,
  )

  test(
    'check() finds a blob with other content, and the names that need it',
    async () => {
      await using open = await filled()
      const { digest } = open.engine.images.inspect('app')
      const path = join(open.root, 'content/blobs/sha256', digestHex(digest))
      const text = await readFile(path)
      await rm(path)
      await writeFile(path, Buffer.concat([text.subarray(1), text.subarray(0, 1)]))
      const report = await open.engine.check()
      assert.not(report.clean)
      assert.equal(kinds(report), ['blobCorrupt', 'nameDangling'])
      assert.ok(existsSync(path), 'nothing is done without repair')
      await open.engine.check({ repair: true, deep: true, graceMs: -60_000 })
      assert.not(existsSync(path))
      assert.is((await open.engine.containers.list({ all: true })).length, 1, 'the container is kept')
      const left = await open.engine.check({ deep: true, graceMs: -60_000 })
      assert.equal(kinds(left), ['containerDangling'])
      const again = await build(open)
      assert.equal((await open.engine.check({ deep: true })).findings, [])
      assert.ok(again.steps.every(({ cached }) => cached))
      assert.is(open.engine.images.inspect('app').digest, again.imageDigest)
    },
    options,
  )

  test(
    'check() finds a missing config, and a missing manifest',
    async () => {
      await using open = await filled()
      const { digest } = open.engine.images.inspect('base')
      const { id } = open.engine.images.inspect('app')
      for (const one of [digest, id]) await rm(join(open.root, 'content/blobs/sha256', digestHex(one)))
      const report = await open.engine.check()
      assert.ok(kinds(report).includes('nameDangling'))
      assert.is(report.findings.filter(({ kind }) => kind === 'nameDangling').length, 2)
      await repair(open.engine)
      assert.equal(open.engine.images.list({ all: true }), [])
    },
    options,
  )

  test(
    'check() finds records, images and containers whose layer is gone; after a repair the step runs again',
    async () => {
      await using open = await filled()
      const layer = await layerOfStep(open, 'made/file')
      await rm(join(open.root, 'snapshots', layer), { recursive: true })
      const report = await open.engine.check()
      assert.not(report.clean)
      const expected = ['chainDangling', 'containerDangling', 'imageIncomplete', 'layerDangling', 'recordDangling']
      assert.equal(kinds(report), expected)
      await (await open.engine.containers.get('box')).remove()
      await repair(open.engine)
      const again = await build(open)
      assert.equal(
        again.steps.filter(({ cached }) => !cached).map(({ name }) => name.replace(/^\[.*?\] /, '')),
        ['COPY file .'],
      )
      assert.equal((await open.engine.check({ deep: true })).findings, [])
    },
    options,
  )

  test(
    'check() with repair never removes a container that has files of its own, whatever it stands on',
    async () => {
      await using open = await filled()
      const [{ id } = { id: '' }] = await open.engine.containers.list({ all: true })
      const own = join(open.root, 'snapshots/_active', id.slice(0, 24), 'rw/fs')
      await writeFile(join(own, 'mine'), 'written')
      await rm(join(open.root, 'snapshots', await layerOfStep(open, 'made/file')), { recursive: true })
      for (let round = 0; round < 2; round++) {
        const { clean, findings } = await open.engine.check({ repair: true, graceMs: -60_000 })
        const told = findings.find(({ kind }) => kind === 'containerDangling')
        assert.not(clean)
        assert.is(told?.repaired, false)
        assert.match(told?.repair ?? '', own)
        assert.match(told?.repair ?? '', 'tsbuild rm box')
        assert.is(await readFile(join(own, 'mine'), 'utf8'), 'written')
      }
      await (await open.engine.containers.get('box')).remove()
      await repair(open.engine)
    },
    options,
  )

  test(
    'check() finds a snapshot without its files or its record',
    async () => {
      await using open = await filled()
      await rm(join(open.root, 'snapshots', await layerOfStep(open, 'made/file'), 'layer.json'))
      const bare = await layerOfStep(open, 'a')
      await rename(join(open.root, 'snapshots', bare, 'fs'), join(open.path, 'fs'))
      const report = await open.engine.check()
      assert.is(report.findings.filter(({ kind }) => kind === 'snapshotDamaged').length, 2)
      await (await open.engine.containers.get('box')).remove()
      await repair(open.engine)
      assert.not((await layersOf(open.root)).includes(bare))
    },
    options,
  )

  test(
    'check() with repair keeps a damaged snapshot that a container stands on',
    async () => {
      await using open = await filled()
      const layer = await layerOfStep(open, 'made/file')
      await rm(join(open.root, 'snapshots', layer, 'layer.json'))
      const { findings } = await open.engine.check({ repair: true })
      assert.is(findings.find(({ kind }) => kind === 'snapshotDamaged')?.repaired, false)
      assert.ok((await layersOf(open.root)).includes(layer))
      await (await open.engine.containers.get('box')).remove()
      await repair(open.engine)
      assert.not((await layersOf(open.root)).includes(layer))
    },
    options,
  )

  test(
    'check() finds a snapshot that nobody knows once it is old, and counts it as a leftover',
    async () => {
      await using open = await filled()
      const name = `z${randomBytes(6).toString('hex')}`
      const layer = join(open.root, 'snapshots', await layerOfStep(open, 'a'))
      await cp(layer, join(open.root, 'snapshots', name), { recursive: true })
      assert.equal((await open.engine.check()).findings, [])
      const report = await open.engine.check({ graceMs: -60_000 })
      assert.ok(report.clean)
      assert.equal(kinds(report), ['snapshotUnknown'])
      await repair(open.engine)
      assert.not((await layersOf(open.root)).includes(name))
    },
    options,
  )

  test(
    'check() with deep finds a file that was changed in a layer',
    async () => {
      await using open = await filled()
      const layer = await layerOfStep(open, 'made/file')
      await writeFile(join(open.root, 'snapshots', layer, 'fs/made/file'), 'changed')
      assert.equal((await open.engine.check()).findings, [])
      const report = await open.engine.check({ deep: true })
      assert.equal(kinds(report), ['snapshotChanged'])
      const kept = await open.engine.check({ deep: true, repair: true })
      assert.not(kept.clean)
      assert.ok((await layersOf(open.root)).includes(layer), 'a container uses it')
      await (await open.engine.containers.get('box')).remove()
      await repair(open.engine)
      const again = await build(open)
      assert.is(again.steps.filter(({ cached }) => !cached).length, 1)
      assert.is(
        await readFile(join(open.root, 'snapshots', await layerOfStep(open, 'made/file'), 'fs/made/file'), 'utf8'),
        'content',
      )
    },
    options,
  )

  test(
    'check() finds an index.json that does not say what the names say',
    async () => {
      await using open = await filled()
      const index = join(open.root, 'content/index.json')
      const before = await readFile(index, 'utf8')
      await writeFile(index, '{}')
      assert.equal(kinds(await open.engine.check()), ['layoutWrong'])
      await repair(open.engine)
      assert.is(await readFile(index, 'utf8'), before)
    },
    options,
  )

  test(
    'check() finds a container without its files',
    async () => {
      await using open = await filled()
      const [{ id } = { id: '' }] = await open.engine.containers.list({ all: true })
      await rm(join(open.root, 'snapshots/_active', id.slice(0, 24)), { recursive: true })
      assert.equal(kinds(await open.engine.check()), ['containerDangling'])
      await repair(open.engine)
      assert.equal(await open.engine.containers.list({ all: true }), [])
    },
    options,
  )

  test(
    'check() finds what dead processes left; the repair removes it',
    async () => {
      await using open = await filled()
      const partial = join(open.root, 'ingest', `deadsession.${'a'.repeat(64)}.0`)
      await writeFile(partial, 'half')
      await mkdir(join(open.root, 'snapshots/_active/deadsession/key/fs'), { recursive: true })
      const report = await open.engine.check()
      assert.ok(report.clean)
      assert.equal(kinds(report), ['sessionLeft'])
      await repair(open.engine)
      assert.not(existsSync(partial))
      assert.not((await readdir(join(open.root, 'snapshots/_active'))).includes('deadsession'))
    },
    options,
  )

  test(
    'check() with repair leaves what builds that go on meanwhile make and use',
    async () => {
      await using open = await filled()
      const { engine, path } = open
      const bad = `sha256:${'b'.repeat(64)}`
      await writeFile(join(open.root, 'content/blobs/sha256', bad.slice(7)), 'not that')
      const builds = Array.from({ length: 8 }, (_, n) =>
        engine.build({
          context: join(path, 'context'),
          dockerfileText: `FROM base\nWORKDIR /d${n}\nCOPY file .\nCOPY file /again\n`,
          tags: [`app:${n}`],
        }),
      )
      const checks = [engine.check({ repair: true }), engine.check({ repair: true })]
      await Promise.all([...builds, ...checks])
      for (let n = 0; n < 8; n++) assert.ok(engine.images.inspect(`app:${n}`))
      assert.equal((await engine.check({ deep: true })).findings, [])
      assert.not((await blobsOf(open.root)).includes(bad.slice(7)))
    },
    options,
  )
})
