import { type ImagePusher, pushImage, pushIndex } from '@tsbuild/exporter'
import {
  type Descriptor,
  type Digest,
  digestOf,
  formatReference,
  type ImageIndex,
  type ImageManifest,
  mediaTypes,
  parseReference,
  type Reference,
} from '@tsbuild/spec'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { chunked, collect, layerTar, testImage, text } from './support.js'

class MemoryPusher implements ImagePusher {
  readonly blobs = new Map<string, Buffer>()
  readonly mounts: (readonly string[])[] = []
  manifest: ImageManifest | undefined
  atOnce = 0
  most = 0

  async pushBlob(...[, descriptor, open, options]: Parameters<ImagePusher['pushBlob']>): Promise<'exists' | 'pushed'> {
    this.atOnce++
    this.most = Math.max(this.most, this.atOnce)
    this.mounts.push(options?.mountFrom ?? [])
    try {
      if (this.blobs.has(descriptor.digest)) return 'exists'
      // As after an interruption: the first half comes from one stream, the second from another.
      const half = Math.floor(descriptor.size / 2)
      const bytes = Buffer.concat([(await collect(open(0))).subarray(0, half), await collect(open(half))])
      assert.is(digestOf(bytes), descriptor.digest)
      this.blobs.set(descriptor.digest, bytes)
      return 'pushed'
    } finally {
      this.atOnce--
    }
  }

  readonly documents: [name: string, mediaType: string][] = []

  async pushManifest(name: Reference, bytes: Uint8Array, mediaType: string): Promise<Digest> {
    const document = JSON.parse(Buffer.from(bytes).toString()) as ImageManifest & Partial<ImageIndex>
    this.documents.push([formatReference(name), mediaType])
    if (document.manifests !== undefined) return digestOf(bytes)
    for (const { digest } of [document.config, ...document.layers]) assert.ok(this.blobs.has(digest))
    this.manifest = document
    return digestOf(bytes)
  }
}

const reference = parseReference('localhost:5000/app')

tests('pushImage()', (test) => {
  test('pushImage() pushes blobs before the manifest, at most four at a time, equal layers once', async () => {
    await using folder = await tempDir()
    const tars = await Promise.all([...'abcdefa'].map((name) => layerTar({ [name]: text(50_000, name.charCodeAt(0)) })))
    const { image, source } = testImage(folder.path, tars)
    const pusher = new MemoryPusher()
    const done: string[] = []
    const pushed = await pushImage(image, source, pusher, reference, {
      mountFrom: (diffId) => [diffId.slice(7, 11)],
      onProgress: (item, _, __, ended) => ended && done.push(item),
    })
    assert.is(pusher.blobs.size, 7)
    assert.ok(pusher.most > 1 && pusher.most <= 4, String(pusher.most))
    assert.is(source.compressions, 6)
    assert.is(pusher.manifest?.layers.length, 7)
    assert.equal(pusher.manifest?.layers[0], pusher.manifest?.layers[6])
    assert.is(pusher.manifest?.config.digest, image.configDigest)
    assert.equal(pusher.mounts.flat().length, 6)
    assert.equal(new Set(done.slice().sort()).size, done.length)
    for (const layer of pushed.layers) assert.ok(done.includes(layer.digest))
    await pushImage(image, source, pusher, parseReference('localhost:5000/other'))
    assert.is(source.compressions, 6)
  })

  test('pushImage() stops the others when one fails, and pushes no manifest', async () => {
    await using folder = await tempDir()
    const { image, source } = testImage(folder.path, [await layerTar({ a: 'a' }), await layerTar({ b: 'b' })])
    const own = new Error('SNAPSHOT_CHANGED')
    const breaking = {
      ...source,
      read: (descriptor: Descriptor) => {
        if (descriptor.digest === image.layers[0]?.diffId) throw own
        return chunked(Buffer.alloc(0))
      },
    }
    const pusher = new MemoryPusher()
    assert.is(await pushImage(image, breaking, pusher, reference).catch((error: unknown) => error), own)
    assert.is(pusher.manifest, undefined)
  })

  test('pushIndex() pushes each image under its digest, then the index under the name', async () => {
    await using folder = await tempDir()
    const [a, b] = [await layerTar({ a: 'a' }), await layerTar({ b: 'b' })]
    const images = [testImage(folder.path, [a]), testImage(folder.path, [a, b], { architecture: 'arm64' })]
    const pusher = new MemoryPusher()
    const pushed = await pushIndex({ images, annotations: { k: 'v' } }, pusher, reference)
    assert.equal(pusher.documents, [
      ...pushed.images.map(({ digest }) => [`localhost:5000/app@${digest}`, mediaTypes.ociManifest]),
      ['localhost:5000/app:latest', mediaTypes.ociIndex],
    ])
    assert.equal(
      pushed.images.map(({ layers }) => layers.length),
      [1, 2],
    )
    assert.is(pusher.blobs.size, 4)
  })

  test('pushImage() rejects with the reason of its signal', async () => {
    await using folder = await tempDir()
    const { image, source } = testImage(folder.path, [await layerTar({ a: 'a' })])
    const reason = new Error('enough')
    assert.is(
      await pushImage(image, source, new MemoryPusher(), reference, { signal: AbortSignal.abort(reason) }).catch(
        (error: unknown) => error,
      ),
      reason,
    )
  })
})
