import { readFile } from 'node:fs/promises'
import { writeDockerArchive } from '@tsbuild/exporter'
import { digestHex, digestOf, mediaTypes } from '@tsbuild/spec'
import { command, tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { members, references, tars, without } from './outputs-support.js'
import { testImage } from './support.js'

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
