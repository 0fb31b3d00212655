import { assembleImage, ExporterError } from '@tsbuild/exporter'
import { asDiffID, digestOf, type HistoryEntry, type ImageConfig } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import fc from 'fast-check'
import * as assert from 'uvu/assert'

const layers = ['a', 'b'].map((name) => ({ diffId: asDiffID(digestOf(name)), size: 10 }))
const config = (history?: readonly HistoryEntry[]): ImageConfig => ({
  os: 'linux',
  architecture: 'amd64',
  rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
  ...(history === undefined ? {} : { history }),
})

tests('assembleImage()', (test) => {
  test('assembleImage() gives the bytes worked out by hand', () => {
    const image = assembleImage({ config: config(), layers })
    const [a, b] = ['a', 'b'].map((name) => digestOf(name))
    assert.is(
      Buffer.from(image.configBytes).toString(),
      `{"architecture":"amd64","os":"linux","rootfs":{"diff_ids":["${a}","${b}"],"type":"layers"}}`,
    )
    const layer = (digest: string | undefined) =>
      `{"digest":"${digest}","mediaType":"application/vnd.oci.image.layer.v1.tar","size":10}`
    assert.is(
      Buffer.from(image.manifestBytes).toString(),
      `{"config":{"digest":"${digestOf(image.configBytes)}","mediaType":"application/vnd.oci.image.config.v1+json","size":${image.configBytes.length}},` +
        `"layers":[${layer(a)},${layer(b)}],"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}`,
    )
    assert.is(image.configDigest, digestOf(image.configBytes))
    assert.is(image.descriptor.digest, digestOf(image.manifestBytes))
  })

  test('assembleImage() does not depend on the order of members', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string()), (labels) => {
        const reversed = Object.fromEntries(Object.entries(labels).reverse())
        const digests = [labels, reversed].map(
          (Labels) => assembleImage({ config: { ...config(), config: { Labels } }, layers }).descriptor.digest,
        )
        assert.is(digests[0], digests[1])
      }),
    )
  })

  test('assembleImage() puts lines for layers without history first', () => {
    const { config: made } = assembleImage({
      config: config([{ created_by: 'RUN x' }, { created_by: 'ENV y', empty_layer: true }]),
      layers,
    })
    assert.equal(made.history, [{}, { created_by: 'RUN x' }, { created_by: 'ENV y', empty_layer: true }])
  })

  test('assembleImage() refuses layers, config and history that do not agree', () => {
    const invalid = (error: unknown) => error instanceof ExporterError && error.code === 'IMAGE_INVALID'
    assert.throws(() => assembleImage({ config: config(), layers: layers.slice(1) }), invalid)
    assert.throws(() => assembleImage({ config: config([{}, {}, {}]), layers }), invalid)
    assert.throws(
      () => assembleImage({ config: config(), layers, format: 'docker', annotations: { a: 'b' } }),
      /Docker's manifest format has no annotations/,
    )
  })

  test('assembleImage() makes an image without layers', () => {
    const image = assembleImage({ config: { ...config([]), rootfs: { type: 'layers', diff_ids: [] } }, layers: [] })
    assert.equal(image.manifest.layers, [])
  })
})
