import { execFileSync } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { type ArchiveEvent, openEngine } from '@tsbuild/core'
import { digestOf } from '@tsbuild/spec'
import { tarOf, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { configOf, dockerArchive, hex, json, layer, layout, second } from './image-archives.js'
import { blobsOf, fails, importFiles, layersOf, openRoot, rootfs, skip } from './images-support.js'

tests('images.load()', (test) => {
  test(
    'load() keeps ids, history and layers, with links and shared layers',
    async () => {
      await using open = await openRoot()
      const { images } = open.engine
      const config = configOf(layer, second, layer)
      const archive = tarOf(
        { name: './1/layer.tar', data: layer },
        { name: '2/layer.tar', data: second },
        { name: '2/VERSION', data: '1.0' },
        // Where a layer is there already Docker links it, symbolically or not.
        { name: '3/layer.tar', type: '2', link: '../1/layer.tar' },
        { name: '4/layer.tar', type: '1', link: '2/layer.tar' },
        { name: `${hex(config)}.json`, data: config },
        { name: 'other.json', data: configOf(second) },
        { name: 'stray', data: 'nobody needs this' },
        {
          name: 'manifest.json',
          data: json([
            {
              Config: `${hex(config)}.json`,
              RepoTags: ['app:1', 'localhost:5000/x/app:2'],
              Layers: ['1/layer.tar', '2/layer.tar', '3/layer.tar'],
            },
            { Config: 'other.json', RepoTags: null, Layers: ['4/layer.tar'] },
          ]),
        },
      )
      const events: ArchiveEvent[] = []
      const loaded = await images.load(Readable.from([archive]), { onEvent: (event) => events.push(event) })
      assert.equal(
        loaded.map(({ names, id }) => [names, id]),
        [
          [['app:1', 'localhost:5000/x/app:2'], digestOf(config)],
          [[], digestOf(configOf(second))],
        ],
      )
      const details = images.inspect('app:1')
      assert.equal(
        details.config.rootfs.diff_ids,
        [layer, second, layer].map((tar) => digestOf(tar)),
      )
      assert.equal(
        images.history('app:1').map((line) => line.created_by),
        ['step 2', 'step 1', 'step 0'],
      )
      assert.is(images.list({ filter: { dangling: true } }).length, 1)
      assert.not.ok((await blobsOf(open.root)).includes(hex('nobody needs this')))
      assert.ok(events.some(({ kind }) => kind === 'read'))
      assert.ok(events.some((event) => event.kind === 'layer' && event.state === 'complete'))
    },
    { skip, timeoutMs: 30_000 },
  )

  for (const program of ['gzip', 'zstd', 'bzip2', 'xz']) {
    test(
      `load() and import() read what ${program} packed`,
      async () => {
        await using open = await openRoot()
        const pack = (bytes: Buffer) => execFileSync(program, ['-c'], { input: bytes, maxBuffer: 1 << 26 })
        const [loaded] = await open.engine.images.load(Readable.from([pack(dockerArchive())]))
        assert.is(loaded?.id, digestOf(configOf(layer, second)))
        const path = join(open.path, 'rootfs.tar.x')
        const big = 'big '.repeat(500_000)
        await writeFile(path, pack(rootfs({ big })))
        await open.engine.images.import(path, { name: 'big' })
        const [directory = ''] = open.engine.images.inspect('big').graphDriver.layers
        assert.is(await readFile(join(directory, 'big'), 'utf8'), big)
        await fails(open.engine.images.load(Readable.from([pack(dockerArchive()).subarray(0, 200)])), 'ARCHIVE_INVALID')
      },
      { skip, timeoutMs: 30_000 },
    )
  }

  test(
    'load() reads an OCI image layout, from a tar and from its directory, with the manifest as it is',
    async () => {
      await using open = await openRoot()
      const { images } = open.engine
      const [fromTar] = await images.load(Readable.from([layout()]))
      assert.equal(fromTar?.names, ['localhost:5000/app:1'])
      await images.remove('localhost:5000/app:1')
      assert.equal(await blobsOf(open.root), [])
      const directory = join(open.path, 'layout')
      await mkdir(directory)
      execFileSync('tar', ['-x', '-C', directory], { input: layout() })
      const [fromDirectory] = await images.load(directory)
      assert.equal(fromDirectory, fromTar)
      await fails(images.load(open.path), 'ARCHIVE_INVALID', /it has no "index.json"/)
      await fails(images.load(join(open.path, 'nothing')), 'ARCHIVE_INVALID', /no such file/)
    },
    { skip, timeoutMs: 30_000 },
  )

  test(
    'load() takes the image of a platform from an index, and says which there are',
    async () => {
      await using open = await openRoot()
      const archive = layout((parts) => {
        const [image] = parts.index.manifests
        const nested = json({
          schemaVersion: 2,
          manifests: [
            { ...image, annotations: undefined, platform: { os: 'linux', architecture: 'arm64' } },
            { ...image, annotations: undefined, platform: { os: 'linux', architecture: 's390x' } },
            { ...image, annotations: undefined, platform: { os: 'unknown', architecture: 'unknown' } },
          ],
        })
        parts.blobs.set(hex(nested), nested)
        parts.index.manifests = [
          {
            mediaType: 'application/vnd.oci.image.index.v1+json',
            digest: digestOf(nested),
            size: nested.length,
            annotations: { 'io.containerd.image.name': 'docker.io/library/multi:1' },
          },
        ]
      })
      const { images } = open.engine
      const error = await fails(
        images.load(Readable.from([archive]), { platform: 'linux/riscv64' }),
        'PLATFORM_UNSUPPORTED',
      )
      assert.match(error.hint ?? '', /linux\/arm64, linux\/s390x/)
      const [loaded] = await images.load(Readable.from([archive]), { platform: 'linux/arm64' })
      assert.equal(loaded?.names, ['multi:1'])
    },
    { skip, timeoutMs: 30_000 },
  )

  test(
    'load() tells which image lost its name',
    async () => {
      await using open = await openRoot()
      const id = await importFiles(open.engine, 'app:1', { kept: 'yes' })
      const [loaded] = await open.engine.images.load(Readable.from([dockerArchive()]))
      assert.equal(loaded?.renamed, [{ name: 'app:1', id }])
      assert.is(open.engine.images.inspect(id).names.length, 0)
    },
    { skip, timeoutMs: 30_000 },
  )

  test(
    'load() stops when its signal aborts while the source is silent, and leaves nothing',
    async () => {
      await using open = await openRoot()
      const source = new PassThrough()
      source.write(dockerArchive().subarray(0, 1700))
      const stop = new AbortController()
      const reason = new Error('enough')
      const loading = open.engine.images.load(source, {
        signal: stop.signal,
        onEvent: (event) => {
          if (event.kind === 'read') setImmediate(() => stop.abort(reason))
        },
      })
      assert.is(await loading.catch((error: unknown) => error), reason)
      assert.equal([await blobsOf(open.root), await readdir(join(open.root, 'ingest'))], [[], []])
    },
    { skip, timeoutMs: 30_000 },
  )

  test(
    'two loads at once give both images whole',
    async () => {
      await using open = await openRoot()
      await using other = await openEngine({ root: open.root })
      const load = (engine: typeof other) => engine.images.load(Readable.from([dockerArchive()]))
      const [one, two] = await Promise.all([load(open.engine), load(other)])
      assert.equal(one, two)
      assert.is((await layersOf(open.root)).length, 2)
    },
    { skip, timeoutMs: 30_000 },
  )
})
