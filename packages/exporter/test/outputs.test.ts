import { createReadStream } from 'node:fs'
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { PassThrough, Writable } from 'node:stream'
import {
  decompress,
  type OciLayoutOptions,
  writeDockerArchive,
  writeDockerImages,
  writeOciImages,
  writeOciIndex,
  writeOciLayout,
  writeStream,
} from '@tsbuild/exporter'
import {
  type Digest,
  digestHex,
  digestOf,
  type ImageIndex,
  type ImageManifest,
  mediaTypes,
  parseReference,
} from '@tsbuild/spec'
import { command, findProgram, tempDir, tests } from '@tsbuild/testkit'
import { extract } from 'tar-stream'
import * as assert from 'uvu/assert'
import { chunked, collect, fails, layerTar, testImage, text } from './support.js'

const without = (program: string) => (findProgram(program) === undefined ? `${program} is not installed` : undefined)
const references = [parseReference('app:1'), parseReference('localhost:5000/team/app:2')]
const tars = async () => [
  await layerTar({ 'hello.txt': 'hello\n', big: text(700_000) }),
  await layerTar({ 'hello.txt': 'changed\n' }),
]

async function members(path: string): Promise<Record<string, Buffer>> {
  const out: Record<string, Buffer> = {}
  const archive = createReadStream(path).pipe(extract())
  for await (const entry of archive) out[entry.header.name] = await collect(entry as AsyncIterable<Buffer>)
  return out
}

tests('archives of several images', (test) => {
  test('writeDockerImages() names each image and writes what they share once', async () => {
    await using folder = await tempDir()
    await mkdir(`${folder.path}/blobs`)
    const [base = Buffer.alloc(0), top = Buffer.alloc(0)] = await tars()
    const one = testImage(`${folder.path}/blobs`, [base])
    const two = testImage(`${folder.path}/blobs`, [base, top])
    const path = `${folder.path}/images.tar`
    await writeDockerImages(
      [
        { ...one, references: references.slice(0, 1) },
        { ...two, references: references.slice(1) },
      ],
      path,
    )
    const files = await members(path)
    const list = JSON.parse(files['manifest.json']?.toString() ?? '') as { Layers: string[]; RepoTags: string[] }[]
    assert.equal(
      list.map(({ RepoTags, Layers }) => [RepoTags, Layers.length]),
      [
        [['docker.io/library/app:1'], 1],
        [['localhost:5000/team/app:2'], 2],
      ],
    )
    assert.is(list[0]?.Layers[0], list[1]?.Layers[0])
    assert.equal(JSON.parse(files.repositories?.toString() ?? ''), {
      'docker.io/library/app': { 1: digestHex(digestOf(base)) },
      'localhost:5000/team/app': { 2: digestHex(digestOf(top)) },
    })
    const index = JSON.parse(files['index.json']?.toString() ?? '') as ImageIndex
    assert.is(index.manifests.length, 2)
    assert.equal(Object.keys(files).filter((name) => name.endsWith(digestHex(digestOf(base)))).length, 1)
  })

  for (const archiveCompression of ['gzip', 'zstd'] as const) {
    test(`writeDockerImages() compresses the archive with ${archiveCompression}`, async () => {
      await using folder = await tempDir()
      await mkdir(`${folder.path}/blobs`)
      const { image, source } = testImage(`${folder.path}/blobs`, await tars())
      const write = (path: string, options: Parameters<typeof writeDockerImages>[2]) =>
        writeDockerImages([{ image, source, references }], path, options)
      await write(`${folder.path}/plain`, {})
      await write(`${folder.path}/packed`, { archiveCompression })
      const packed = decompress(createReadStream(`${folder.path}/packed`), archiveCompression)
      assert.ok((await collect(packed)).equals(await readFile(`${folder.path}/plain`)))
      assert.ok((await stat(`${folder.path}/packed`)).size < (await stat(`${folder.path}/plain`)).size)
    })
  }

  test('writeOciImages() writes a stored image byte by byte, beside one that is compressed now', async () => {
    await using folder = await tempDir()
    await mkdir(`${folder.path}/blobs`)
    const [base = Buffer.alloc(0), top = Buffer.alloc(0)] = await tars()
    const stored = testImage(`${folder.path}/blobs`, [base])
    const built = testImage(`${folder.path}/blobs`, [top])
    const directory = `${folder.path}/layout`
    const { manifest, descriptor, manifestBytes, configBytes } = stored.image
    await writeOciImages(
      [
        { stored: { manifest, descriptor, manifestBytes, configBytes }, source: stored.source, references: [] },
        { image: built.image, source: built.source, references },
      ],
      { directory },
    )
    const index = JSON.parse(await readFile(`${directory}/index.json`, 'utf8')) as ImageIndex
    assert.is(index.manifests[0]?.digest, descriptor.digest)
    const read = async (digest: Digest) => readFile(`${directory}/blobs/sha256/${digestHex(digest)}`)
    assert.ok((await read(descriptor.digest)).equals(manifestBytes))
    assert.ok((await read(digestOf(base))).equals(base))
    const other = JSON.parse((await read(index.manifests[1]!.digest)).toString()) as ImageManifest
    assert.is(other.layers[0]?.mediaType, mediaTypes.ociLayerGzip)
  })
})

tests('writeOciLayout()', (test) => {
  for (const compression of ['gzip', 'zstd', 'none'] as const) {
    test(
      `writeOciLayout() writes a directory and a tar that skopeo reads (${compression})`,
      async () => {
        await using folder = await tempDir()
        await mkdir(`${folder.path}/blobs`)
        const { image, source } = testImage(`${folder.path}/blobs`, await tars())
        const options: OciLayoutOptions = { compression, references: references.slice(0, 1) }
        const descriptor = await writeOciLayout(image, source, { directory: `${folder.path}/layout` }, options)
        await writeOciLayout(image, source, { tar: `${folder.path}/layout.tar` }, options)
        for (const name of [`oci:${folder.path}/layout:1`, `oci-archive:${folder.path}/layout.tar:1`]) {
          const found = JSON.parse(await command('skopeo', ['inspect', name])) as {
            readonly Digest: string
            readonly Layers: string[]
          }
          assert.is(found.Digest, descriptor.digest)
          assert.is(found.Layers.length, 2)
          await command('skopeo', ['--insecure-policy', 'copy', '--quiet', name, `dir:${folder.path}/copy`])
        }
        const config = JSON.parse(
          await command('skopeo', ['inspect', '--config', `oci:${folder.path}/layout:1`]),
        ) as object
        assert.equal(config, JSON.parse(JSON.stringify(image.config)))
      },
      { skip: without('skopeo') },
    )
  }

  test(
    'umoci unpacks what writeOciLayout() writes',
    async () => {
      await using folder = await tempDir()
      const { image, source } = testImage(folder.path, await tars())
      await writeOciLayout(
        image,
        source,
        { directory: `${folder.path}/layout` },
        { references: references.slice(0, 1) },
      )
      await command('umoci', ['unpack', '--rootless', '--image', `${folder.path}/layout:1`, `${folder.path}/bundle`])
      assert.is(await readFile(`${folder.path}/bundle/rootfs/hello.txt`, 'utf8'), 'changed\n')
      assert.ok((await readFile(`${folder.path}/bundle/rootfs/big`)).equals(text(700_000)))
    },
    { skip: without('umoci') },
  )

  test('writeOciLayout() compresses each layer once and uses what is known', async () => {
    await using folder = await tempDir()
    const { image, source } = testImage(folder.path, await tars())
    const one = await writeOciLayout(image, source, { tar: `${folder.path}/1.tar` })
    const two = await writeOciLayout(image, source, { tar: `${folder.path}/2.tar` })
    assert.is(source.compressions, 2)
    assert.equal(one, two)
    assert.ok((await readFile(`${folder.path}/1.tar`)).equals(await readFile(`${folder.path}/2.tar`)))
    await writeOciLayout(image, source, { tar: `${folder.path}/3.tar` }, { level: 1 })
    assert.is(source.compressions, 4)
    await writeOciLayout(image, source, { tar: `${folder.path}/4.tar` }, { compression: 'zstd' })
    assert.is(source.compressions, 6)
  })

  test('writeOciLayout() passes layers of a base image on as they came, unless it is forced', async () => {
    await using folder = await tempDir()
    const { image, source } = testImage(folder.path, await tars())
    const { diffId, size } = image.layers[0]!
    source.originals.set(diffId, { mediaType: mediaTypes.dockerLayer, digest: diffId, size, compression: 'none' })
    const layersOf = async (options: OciLayoutOptions) => {
      const { digest } = await writeOciLayout(image, source, { directory: `${folder.path}/layout` }, options)
      const manifest = await readFile(`${folder.path}/layout/blobs/sha256/${digestHex(digest)}`, 'utf8')
      return (JSON.parse(manifest) as ImageManifest).layers.map(({ mediaType }) => mediaType)
    }
    const { ociLayer, ociLayerGzip, ociLayerZstd } = mediaTypes
    assert.equal(await layersOf({ compression: 'zstd' }), [ociLayer, ociLayerZstd])
    assert.equal(await layersOf({ compression: 'zstd', force: true }), [ociLayerZstd, ociLayerZstd])
    assert.equal(await layersOf({}), [ociLayer, ociLayerGzip])
  })

  test("writeOciLayout() writes Docker's media types, and annotations where they belong", async () => {
    await using folder = await tempDir()
    const read = async (digest: Digest) =>
      JSON.parse(await readFile(`${folder.path}/layout/blobs/sha256/${digestHex(digest)}`, 'utf8')) as ImageManifest
    const docker = testImage(folder.path, await tars(), { format: 'docker' })
    const one = await writeOciLayout(docker.image, docker.source, { directory: `${folder.path}/layout` })
    const manifest = await read(one.digest)
    assert.equal(
      [one.mediaType, manifest.mediaType, manifest.config.mediaType, manifest.layers[0]?.mediaType],
      [mediaTypes.dockerManifest, mediaTypes.dockerManifest, mediaTypes.dockerConfig, mediaTypes.dockerLayerGzip],
    )
    assert.is(docker.image.manifest.layers[0]?.mediaType, mediaTypes.dockerLayer)
    const noted = testImage(folder.path, await tars(), { annotations: { a: '1' }, descriptorAnnotations: { d: '2' } })
    const layers = noted.image.layers.map((layer) => ({ ...layer, annotations: { l: '3' } }))
    const two = await writeOciLayout({ ...noted.image, layers }, noted.source, { directory: `${folder.path}/layout` })
    const document = await read(two.digest)
    assert.equal([document.annotations, document.layers[1]?.annotations], [{ a: '1' }, { l: '3' }])
    const index = JSON.parse(await readFile(`${folder.path}/layout/index.json`, 'utf8')) as ImageIndex
    assert.equal(index.manifests[0]?.annotations, { d: '2' })
  })

  test(
    'writeOciIndex() writes images of several platforms that skopeo reads one by one',
    async () => {
      await using folder = await tempDir()
      const [first, second] = await tars()
      const options = { architecture: 'arm64', descriptorAnnotations: { d: '1' } }
      const amd = testImage(folder.path, [first!])
      const arm = testImage(folder.path, [first!, second!], options)
      const images = [amd, arm]
      const layout = { directory: `${folder.path}/layout` }
      const index = { images, annotations: { i: '2' }, descriptorAnnotations: { t: '3' } }
      const { digest, mediaType } = await writeOciIndex(index, layout, { references: references.slice(0, 1) })
      assert.is(mediaType, mediaTypes.ociIndex)
      const top = JSON.parse(await readFile(`${layout.directory}/index.json`, 'utf8')) as ImageIndex
      assert.equal([top.manifests.length, top.manifests[0]?.digest, top.manifests[0]?.annotations?.t], [1, digest, '3'])
      const blob = await readFile(`${layout.directory}/blobs/sha256/${digestHex(digest)}`, 'utf8')
      const { manifests, annotations } = JSON.parse(blob) as ImageIndex
      assert.equal(annotations, { i: '2' })
      assert.equal(
        manifests.map((one) => [one.platform?.architecture, one.annotations]),
        [
          ['amd64', undefined],
          ['arm64', { d: '1' }],
        ],
      )
      for (const [architecture, layers] of [['amd64', 1] as const, ['arm64', 2] as const]) {
        const name = `oci:${layout.directory}:1`
        const shown = await command('skopeo', ['--override-arch', architecture, 'inspect', name])
        const found = JSON.parse(shown) as { readonly Architecture: string; readonly Layers: readonly string[] }
        assert.equal([found.Architecture, found.Layers.length], [architecture, layers])
      }
      const docker = images.map(({ image, source }) => ({ image: { ...image, format: 'docker' as const }, source }))
      assert.is((await writeOciIndex({ images: docker }, layout)).mediaType, mediaTypes.dockerIndex)
    },
    { skip: without('skopeo') },
  )

  test('writeOciLayout() names the image in its index', async () => {
    await using folder = await tempDir()
    const { image, source } = testImage(folder.path, await tars())
    const { digest } = await writeOciLayout(image, source, { directory: `${folder.path}/layout` }, { references })
    const index = JSON.parse(await readFile(`${folder.path}/layout/index.json`, 'utf8'))
    assert.equal(
      index.manifests.map(({ annotations }: { annotations: object }) => annotations),
      [
        { 'io.containerd.image.name': 'docker.io/library/app:1', 'org.opencontainers.image.ref.name': '1' },
        { 'io.containerd.image.name': 'localhost:5000/team/app:2', 'org.opencontainers.image.ref.name': '2' },
      ],
    )
    assert.equal(index.manifests[0].platform, { os: 'linux', architecture: 'amd64' })
    assert.is(index.manifests[0].digest, digest)
    assert.equal(JSON.parse(await readFile(`${folder.path}/layout/oci-layout`, 'utf8')), {
      imageLayoutVersion: '1.0.0',
    })
    for (const name of await readdir(`${folder.path}/layout/blobs/sha256`)) {
      assert.is(digestHex(digestOf(await readFile(`${folder.path}/layout/blobs/sha256/${name}`))), name)
    }
    await writeOciLayout(image, source, { directory: `${folder.path}/layout` }, { references: [] })
    assert.is(JSON.parse(await readFile(`${folder.path}/layout/index.json`, 'utf8')).manifests.length, 1)
  })

  test('writeOciLayout() and writeDockerArchive() refuse blobs that changed', async () => {
    await using folder = await tempDir()
    const { image, source } = testImage(folder.path, await tars())
    const liar = { ...source, read: () => chunked(Buffer.alloc(image.layers[0]!.size)) }
    await fails(writeOciLayout(image, liar, { tar: `${folder.path}/x.tar` }, { compression: 'none' }), 'BLOB_MISMATCH')
    const short = { ...source, read: () => chunked(Buffer.alloc(10)) }
    await fails(writeDockerArchive(image, short, `${folder.path}/x.tar`), 'BLOB_MISMATCH')
    const long = { ...source, read: () => chunked(Buffer.alloc(9_000_000)) }
    await fails(writeDockerArchive(image, long, `${folder.path}/x.tar`), 'BLOB_MISMATCH')
    assert.equal(await readdir(folder.path), [])
  })
})

tests('writeDockerArchive()', (test) => {
  test(
    'writeDockerArchive() writes an archive that skopeo reads as docker-archive and as oci-archive',
    async () => {
      await using folder = await tempDir()
      const { image, source } = testImage(folder.path, await tars())
      const path = `${folder.path}/image.tar`
      await writeDockerArchive(image, source, path, { references })
      for (const name of ['app:1', 'localhost:5000/team/app:2']) {
        const config = JSON.parse(
          await command('skopeo', ['inspect', '--config', `docker-archive:${path}:${name}`]),
        ) as { readonly rootfs: object }
        assert.equal(config.rootfs, image.config.rootfs)
      }
      await command('skopeo', [
        '--insecure-policy',
        'copy',
        '--quiet',
        `docker-archive:${path}:app:1`,
        `dir:${folder.path}/dir`,
      ])
      await command('skopeo', [
        '--insecure-policy',
        'copy',
        '--quiet',
        `oci-archive:${path}:2`,
        `dir:${folder.path}/dir`,
      ])
    },
    { skip: without('skopeo') },
  )

  test(
    'podman loads what writeDockerArchive() writes, under its names',
    async () => {
      await using folder = await tempDir()
      const { image, source } = testImage(folder.path, await tars())
      const path = `${folder.path}/image.tar`
      await writeDockerArchive(image, source, path, { references })
      const podman = ['--root', `${folder.path}/store`, '--runroot', `${folder.path}/run`, '--storage-driver', 'vfs']
      await command('podman', [...podman, 'load', '--quiet', '--input', path])
      const listed = JSON.parse(await command('podman', [...podman, 'images', '--format', 'json'])) as {
        readonly Id: string
        readonly Names: string[]
      }[]
      assert.equal([...new Set(listed.map(({ Id }) => Id))], [digestHex(image.configDigest)])
      assert.equal([...new Set(listed.flatMap(({ Names }) => Names))].sort(), [
        'docker.io/library/app:1',
        'localhost:5000/team/app:2',
      ])
    },
    { skip: without('podman') ?? (process.getuid?.() === 0 ? undefined : 'needs root'), timeoutMs: 60_000 },
  )

  test('writeDockerArchive() is deterministic, has manifest.json, and each equal layer once', async () => {
    await using folder = await tempDir()
    const [one] = await tars()
    const { image, source } = testImage(folder.path, [one!, one!])
    const items: string[] = []
    await writeDockerArchive(image, source, `${folder.path}/1`, {
      references,
      onProgress: (item, _, __, done) => done && items.push(item),
    })
    await writeDockerArchive(image, source, `${folder.path}/2`, { references })
    assert.ok((await readFile(`${folder.path}/1`)).equals(await readFile(`${folder.path}/2`)))
    assert.equal(items, [image.layers[0]?.diffId])
    const found = await members(`${folder.path}/1`)
    const layer = `blobs/sha256/${digestHex(digestOf(one!))}`
    assert.equal(JSON.parse(String(found['manifest.json'])), [
      {
        Config: `blobs/sha256/${digestHex(image.configDigest)}`,
        RepoTags: ['docker.io/library/app:1', 'localhost:5000/team/app:2'],
        Layers: [layer, layer],
      },
    ])
    assert.ok(found[layer]?.equals(one!))
    const index = JSON.parse(String(found['index.json']))
    assert.is(index.manifests[0].mediaType, mediaTypes.ociManifest)
  })

  test('writeDockerArchive() writes an image without layers and names', async () => {
    await using folder = await tempDir()
    const { image, source } = testImage(folder.path, [])
    await writeDockerArchive(image, source, `${folder.path}/x`)
    assert.equal(JSON.parse(String((await members(`${folder.path}/x`))['manifest.json']))[0].Layers, [])
  })
})

tests('writeStream()', (test) => {
  test('writeStream() writes a file that appears when it is whole', async () => {
    await using folder = await tempDir()
    const path = `${folder.path}/out`
    await writeFile(path, 'before')
    const breaking = async function* () {
      yield Buffer.from('half')
      assert.is(await readFile(path, 'utf8'), 'before')
      throw new Error('broken')
    }
    assert.match(String(await writeStream(breaking(), path).catch(String)), /broken/)
    assert.is(await readFile(path, 'utf8'), 'before')
    assert.equal(await readdir(folder.path), ['out'])
    await symlink('out', `${folder.path}/link`)
    await writeStream(chunked(Buffer.from('after')), `${folder.path}/link`)
    assert.is(await readFile(path, 'utf8'), 'after')
    assert.equal((await readdir(folder.path)).sort(), ['link', 'out'])
  })

  test('writeStream() writes to devices as they are', async () => {
    await writeStream(chunked(text(1000)), '/dev/null')
    assert.ok((await stat('/dev/null')).isCharacterDevice())
  })

  test('writeStream() says why a file cannot be written', async () => {
    await using folder = await tempDir()
    await fails(
      writeStream(chunked(text(10)), `${folder.path}/no/out`),
      'OUTPUT_FAILED',
      /Cannot write ".*\/no\/out": its directory does not exist$/,
    )
    await fails(writeStream(chunked(text(10)), folder.path), 'OUTPUT_FAILED', /it is a directory$/)
    await fails(writeStream(chunked(text(10)), '/dev/full'), 'OUTPUT_FAILED', /no space left/)
  })

  test('writeStream() goes at the pace of a stream, and leaves it open', async () => {
    const slow: Buffer[] = []
    let waiting = 0
    const sink = new Writable({
      highWaterMark: 1000,
      write(chunk: Buffer, _, done) {
        slow.push(chunk)
        waiting = Math.max(waiting, sink.writableLength)
        setTimeout(done, 1)
      },
    })
    await writeStream(chunked(text(100_000), 2000), sink)
    await new Promise((resolve) => sink.end(resolve))
    assert.ok(Buffer.concat(slow).equals(text(100_000)))
    assert.ok(waiting <= 4000, String(waiting))
  })

  test('writeStream() fails when the stream breaks or is closed, and when it is aborted', async () => {
    const broken = new Writable({ write: (_, __, done) => done(new Error('EPIPE')) })
    await fails(writeStream(chunked(text(100_000), 100), broken), 'OUTPUT_FAILED', /EPIPE/)
    const stuck = new PassThrough({ highWaterMark: 10 })
    setTimeout(() => stuck.destroy(), 20)
    await fails(writeStream(chunked(text(1000)), stuck), 'OUTPUT_FAILED', /closed/)
    const reason = new Error('enough')
    const stop = new AbortController()
    setTimeout(() => stop.abort(reason), 20)
    const other = new PassThrough({ highWaterMark: 10 })
    assert.is(
      await writeStream(chunked(text(1000)), other, { signal: stop.signal }).catch((error: unknown) => error),
      reason,
    )
  })
})
