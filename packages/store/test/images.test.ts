import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ImageIndex } from '@tsbuild/spec'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { addImage, descriptorOf, emptyTar, openTestStore, platform } from './helpers.js'

const run = promisify(execFile)
const name = 'docker.io/library/demo:latest'

const noSkopeo = await run('skopeo', ['--version']).then(
  () => undefined,
  () => 'needs skopeo',
)

async function indexOf(root: string): Promise<ImageIndex> {
  return JSON.parse(await readFile(join(root, 'content', 'index.json'), 'utf8')) as ImageIndex
}

tests('images', (test) => {
  test('set() gives a name its target, and remove() forgets it', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const { manifest } = await addImage(store, emptyTar)
    await store.images.set(name, { manifest, platform })
    const image = store.images.get(name)!
    assert.equal(image.manifest, manifest)
    assert.equal(image.platform, platform)
    assert.ok(Math.abs(image.updatedAt - Date.now()) < 10_000)
    assert.equal(
      store.images.list().map((item) => item.name),
      [name],
    )
    assert.is(await store.images.remove(name), true)
    assert.is(await store.images.remove(name), false)
    assert.is(store.images.get(name), undefined)
    assert.ok(store.content.hasBlob(manifest.digest))
  })

  test('content/index.json lists an image under its name, and no longer than it has it', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const { manifest } = await addImage(store, emptyTar)
    await store.images.set(name, { manifest, platform })
    assert.equal((await indexOf(dir.path)).manifests, [
      {
        ...manifest,
        platform,
        annotations: { 'org.opencontainers.image.ref.name': name, 'io.containerd.image.name': name },
      },
    ])
    await store.images.remove(name)
    assert.equal((await indexOf(dir.path)).manifests, [])
    assert.equal(await readdir(join(dir.path, 'ingest')), [])
  })

  test('content/index.json leaves out an image that has a virtual layer', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const { manifest } = await addImage(store, emptyTar, false)
    await store.images.set(name, { manifest, platform })
    assert.ok(store.images.get(name))
    assert.equal((await indexOf(dir.path)).manifests, [])
  })

  test('content/index.json drops an image when a blob of it is removed', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const first = await addImage(store, emptyTar)
    const second = await addImage(store, Buffer.alloc(2048))
    await store.images.set(name, { manifest: first.manifest, platform })
    await store.images.set('localhost/other:1', { manifest: second.manifest, platform })
    await store.content.removeBlob(first.layer.digest)
    const { manifests } = await indexOf(dir.path)
    assert.equal(
      manifests.map(({ digest }) => digest),
      [second.manifest.digest],
    )
  })

  test('set() of many names at once loses none of them', async () => {
    await using dir = await tempDir()
    await using store = await openTestStore(dir.path)
    const { manifest } = await addImage(store, emptyTar)
    const names = Array.from({ length: 20 }, (_, index) => `docker.io/library/n:${index}`)
    await Promise.all(names.map((item) => store.images.set(item, { manifest, platform })))
    assert.is((await indexOf(dir.path)).manifests.length, 20)
  })

  test(
    'skopeo reads the content folder as oci:',
    async () => {
      await using dir = await tempDir()
      await using store = await openTestStore(dir.path)
      const { manifest, layer } = await addImage(store, emptyTar)
      await store.images.set(name, { manifest, platform })
      const directory = store.content.directory
      const { stdout } = await run('skopeo', ['inspect', '--override-arch', 'amd64', `oci:${directory}`])
      const seen = JSON.parse(stdout) as { Digest: string; Layers: string[] }
      assert.is(seen.Digest, manifest.digest)
      assert.equal(seen.Layers, [layer.digest])
      const byName = await run('skopeo', ['inspect', '--raw', `oci:${directory}:${name}`])
      assert.is(descriptorOf(Buffer.from(byName.stdout)).digest, manifest.digest)
    },
    { skip: noSkopeo },
  )
})
