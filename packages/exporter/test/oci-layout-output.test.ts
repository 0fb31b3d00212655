import { mkdir, readdir, readFile } from 'node:fs/promises'
import { type OciLayoutOptions, writeDockerArchive, writeOciIndex, writeOciLayout } from '@tsbuild/exporter'
import { type Digest, digestHex, digestOf, type ImageIndex, type ImageManifest, mediaTypes } from '@tsbuild/spec'
import { command, tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { references, tars, without } from './outputs-support.js'
import { chunked, fails, testImage, text } from './support.js'

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
