import { execFileSync } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { type ArchiveEvent, openEngine } from '@tsbuild/core'
import { digestHex, digestOf } from '@tsbuild/spec'
import { type TarFixture, tarOf, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { blobsOf, fails, importFiles, layersOf, openRoot, rootfs, skip } from './images-support.js'

const layer = rootfs({ a: 'one' })
const second = rootfs({ b: 'two' })
const hex = (data: string | Buffer) => digestHex(digestOf(data))
const json = (value: unknown) => JSON.stringify(value)

function configOf(...layers: readonly Buffer[]): string {
  return json({
    architecture: 'amd64',
    os: 'linux',
    config: { Cmd: ['/a'] },
    rootfs: { type: 'layers', diff_ids: layers.map((tar) => digestOf(tar)) },
    history: layers.map((_, at) => ({ created: '2024-01-02T03:04:05Z', created_by: `step ${at}` })),
  })
}

/** As Docker 20.10 writes it. */
function dockerArchive(change: (members: TarFixture[], entry: Record<string, unknown>) => void = () => {}): Buffer {
  const config = configOf(layer, second)
  const entry: Record<string, unknown> = {
    Config: `${hex(config)}.json`,
    RepoTags: ['app:1'],
    Layers: ['1/layer.tar', '2/layer.tar'],
  }
  const members: TarFixture[] = [
    { name: '1/' },
    { name: '1/layer.tar', data: layer },
    { name: '2/layer.tar', data: second },
    { name: `${hex(config)}.json`, data: config },
  ]
  change(members, entry)
  return tarOf(...members, { name: 'manifest.json', data: json([entry]) })
}

interface LayoutParts {
  readonly blobs: Map<string, string | Buffer>
  index: { readonly schemaVersion: number; manifests: Record<string, unknown>[] }
}

/** An OCI image layout with one image. */
function layout(change: (parts: LayoutParts) => void = () => {}): Buffer {
  const config = configOf(layer)
  const packed = gzipSync(layer)
  const manifest = json({
    schemaVersion: 2,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf(config), size: config.length },
    layers: [
      { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: digestOf(packed), size: packed.length },
    ],
  })
  const parts: LayoutParts = {
    blobs: new Map<string, string | Buffer>([
      [hex(config), config],
      [hex(packed), packed],
      [hex(manifest), manifest],
    ]),
    index: {
      schemaVersion: 2,
      manifests: [
        {
          mediaType: 'application/vnd.oci.image.manifest.v1+json',
          digest: digestOf(manifest),
          size: manifest.length,
          annotations: { 'org.opencontainers.image.ref.name': 'localhost:5000/app:1' },
        },
      ],
    },
  }
  change(parts)
  const blobs = [...parts.blobs].map(([name, data]): TarFixture => ({ name: `blobs/sha256/${name}`, data }))
  return tarOf(...blobs, { name: 'index.json', data: json(parts.index) })
}

function replaced(bytes: Buffer, from: string, to: string): Buffer {
  const out = Buffer.from(bytes)
  out.write(to, out.indexOf(from), 'latin1')
  return out
}

const refused: Record<string, readonly [archive: () => Buffer, code: string, why: RegExp]> = {
  'a truncated archive': [() => dockerArchive().subarray(0, 2000), 'ARCHIVE_INVALID', /it ends too early/],
  'a truncated gzip': [() => gzipSync(dockerArchive()).subarray(0, 300), 'ARCHIVE_INVALID', /ends too early/],
  'something else': [() => Buffer.from('x'.repeat(2000)), 'ARCHIVE_INVALID', /wrong checksum/],
  'an empty stream': [() => Buffer.alloc(0), 'ARCHIVE_INVALID', /no archive of images/],
  'a root file system': [() => layer, 'ARCHIVE_INVALID', /no archive of images/],
  'a changed layer': [
    () => replaced(dockerArchive(), 'one', 'ONE'),
    'ARCHIVE_INVALID',
    /its content is .* the config says/,
  ],
  'a changed config': [
    () => replaced(dockerArchive(), 'step 0', 'step X'),
    'ARCHIVE_INVALID',
    /not what its name says/,
  ],
  'a missing layer': [
    () => dockerArchive((members) => members.splice(2, 1)),
    'ARCHIVE_INVALID',
    /"2\/layer.tar": it is missing/,
  ],
  'a missing config': [() => dockerArchive((members) => members.splice(3, 1)), 'ARCHIVE_INVALID', /it is missing/],
  'too few layers': [
    () => dockerArchive((_, entry) => Object.assign(entry, { Layers: ['1/layer.tar'] })),
    'ARCHIVE_INVALID',
    /it has 2 layers, the archive has 1/,
  ],
  'a list that is none': [
    () => dockerArchive((_, entry) => Object.assign(entry, { Layers: 'x' })),
    'ARCHIVE_INVALID',
    /no list of images/,
  ],
  'a wrong name': [
    () => dockerArchive((_, entry) => Object.assign(entry, { RepoTags: ['App:1'] })),
    'ARCHIVE_INVALID',
    /must be lowercase/,
  ],
  'a name that leads out': [
    () => dockerArchive((members) => members.push({ name: '../../evil', data: 'x' })),
    'ARCHIVE_INVALID',
    /"..\/..\/evil": it leads outside/,
  ],
  'an absolute name': [
    () => dockerArchive((members) => members.push({ name: '/etc/passwd', data: 'x' })),
    'ARCHIVE_INVALID',
    /it leads outside/,
  ],
  'a link that leads out': [
    () =>
      dockerArchive((members) => members.splice(2, 1, { name: '2/layer.tar', type: '2', link: '../../etc/passwd' })),
    'ARCHIVE_INVALID',
    /a link that leads outside/,
  ],
  'links in a circle': [
    () => dockerArchive((members) => members.splice(2, 1, { name: '2/layer.tar', type: '2', link: 'layer.tar' })),
    'ARCHIVE_INVALID',
    /leads nowhere/,
  ],
  'one name with two contents': [
    () => dockerArchive((members) => members.push({ name: './1/layer.tar', data: second })),
    'ARCHIVE_INVALID',
    /it is there twice/,
  ],
  'two lists': [
    () => dockerArchive((members) => members.push({ name: 'manifest.json', data: '[]' })),
    'ARCHIVE_INVALID',
    /it is there twice/,
  ],
  'a layer that is no tar': [
    () => {
      const junk = Buffer.from('j'.repeat(1000))
      const config = configOf(junk)
      return tarOf(
        { name: 'l', data: junk },
        { name: 'c.json', data: config },
        { name: 'manifest.json', data: json([{ Config: 'c.json', Layers: ['l'] }]) },
      )
    },
    'LAYER_INVALID',
    /./,
  ],
  'a layer that climbs out': [
    () => {
      const evil = tarOf({ name: '../../../../tmp/evil', data: 'x' })
      return tarOf(
        { name: 'l', data: evil },
        { name: 'c.json', data: configOf(evil) },
        { name: 'manifest.json', data: json([{ Config: 'c.json', Layers: ['l'] }]) },
      )
    },
    'LAYER_INVALID',
    /./,
  ],
  'a blob that is not its name': [
    () => layout(({ blobs }) => void blobs.set([...blobs.keys()][1] ?? '', 'other')),
    'ARCHIVE_INVALID',
    /its content is not what its name says/,
  ],
  'a layout without a blob': [
    () => layout(({ blobs }) => void blobs.delete([...blobs.keys()][1] ?? '')),
    'ARCHIVE_INVALID',
    /it is missing in the archive/,
  ],
  'a wrong size': [
    () => layout(({ index }) => Object.assign(index.manifests[0] ?? {}, { size: 7 })),
    'ARCHIVE_INVALID',
    /its descriptor says 7/,
  ],
  'a layout without images': [
    () => layout(({ index }) => index.manifests.splice(0)),
    'ARCHIVE_INVALID',
    /it has no images/,
  ],
}

tests('images.load()', (test) => {
  test(
    'load() refuses what is damaged or hostile, and the store stays as it was',
    async () => {
      await using open = await openRoot()
      await importFiles(open.engine, 'app:1', { kept: 'yes' })
      const state = async () =>
        json([await blobsOf(open.root), await layersOf(open.root), open.engine.images.list({ all: true })])
      const before = await state()
      for (const [what, [archive, code, why]] of Object.entries(refused)) {
        await fails(open.engine.images.load(Readable.from([archive()])), code, why).catch((error: Error) => {
          throw new Error(`${what}: ${error.message}`, { cause: error })
        })
        assert.is(await state(), before, what)
      }
      assert.equal(await readdir(join(open.root, 'ingest')), [])
    },
    { skip, timeoutMs: 60_000 },
  )

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
