import { createReadStream } from 'node:fs'
import { mkdir, readFile, stat } from 'node:fs/promises'
import { decompress, writeDockerImages, writeOciImages } from '@tsbuild/exporter'
import { type Digest, digestHex, digestOf, type ImageIndex, type ImageManifest, mediaTypes } from '@tsbuild/spec'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { members, references, tars } from './outputs-support.js'
import { collect, testImage } from './support.js'

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
