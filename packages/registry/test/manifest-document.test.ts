import { createRegistryClient } from '@tsbuild/registry'
import { digestOf, mediaTypes, TsbuildError } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { maxManifestBytes, parseManifest } from '../dist/manifest-document.js'
import { fails, quick, serve } from './support.js'

const descriptor = { mediaType: mediaTypes.ociLayer, digest: digestOf('x'), size: 1 }
const image = { schemaVersion: 2, config: descriptor, layers: [descriptor] }
const index = { schemaVersion: 2, manifests: [descriptor] }

tests('parseManifest()', (test) => {
  const good: readonly (readonly [title: string, document: object, header: string | undefined, mediaType: string])[] = [
    ['an image by its header', image, `${mediaTypes.ociManifest}; charset=utf-8`, mediaTypes.ociManifest],
    [
      'an image by its own type',
      { ...image, mediaType: mediaTypes.dockerManifest },
      'application/json',
      mediaTypes.dockerManifest,
    ],
    ['an image by its form', image, undefined, mediaTypes.ociManifest],
    ['an index by its form', index, 'text/plain', mediaTypes.ociIndex],
    [
      'a manifest list',
      { ...index, mediaType: mediaTypes.dockerIndex },
      mediaTypes.dockerIndex,
      mediaTypes.dockerIndex,
    ],
    ['an image without layers', { ...image, layers: [] }, undefined, mediaTypes.ociManifest],
  ]
  for (const [title, document, header, mediaType] of good) {
    test(`parseManifest() reads ${title}`, () => {
      const found = parseManifest(Buffer.from(JSON.stringify(document)), header, 'x')
      assert.is(found.mediaType, mediaType)
      assert.equal(found.kind === 'index' ? found.index : found.manifest, document)
    })
  }

  const bad: readonly (readonly [document: unknown, header: string | undefined, code: string, why: RegExp])[] = [
    ['{', undefined, 'MANIFEST_INVALID', /not JSON$/],
    [[], undefined, 'MANIFEST_INVALID', /not a JSON object/],
    [{ ...image, schemaVersion: 3 }, undefined, 'MANIFEST_INVALID', /"schemaVersion" is not 2/],
    [{ schemaVersion: 1, fsLayers: [] }, 'application/json', 'MANIFEST_UNSUPPORTED', /old schema 1/],
    [image, 'application/vnd.docker.distribution.manifest.v1+prettyjws', 'MANIFEST_UNSUPPORTED', /old schema 1/],
    [{ ...image, mediaType: 'application/vnd.example+json' }, undefined, 'MANIFEST_UNSUPPORTED', /vnd\.example/],
    [{ ...image, mediaType: mediaTypes.ociManifest }, mediaTypes.ociIndex, 'MANIFEST_INVALID', /the registry says/],
    [{ ...image, manifests: [] }, mediaTypes.ociManifest, 'MANIFEST_INVALID', /with a list of manifests/],
    [{ ...index, layers: [] }, mediaTypes.ociIndex, 'MANIFEST_INVALID', /index with layers/],
    [
      { ...image, layers: [{ ...descriptor, digest: 'sha256:zz' }] },
      undefined,
      'MANIFEST_INVALID',
      /layers are no list/,
    ],
    [{ ...image, config: { ...descriptor, size: -1 } }, undefined, 'MANIFEST_INVALID', /config is no descriptor/],
    [{ ...image, config: { ...descriptor, size: 2 ** 60 } }, undefined, 'MANIFEST_INVALID', /config is no descriptor/],
    [
      { ...index, manifests: [{ ...descriptor, platform: { os: 1 } }] },
      undefined,
      'MANIFEST_INVALID',
      /list of manifests/,
    ],
  ]
  for (const [document, header, code, why] of bad) {
    test(`parseManifest() refuses ${JSON.stringify(document).slice(0, 60)} as ${header}`, () => {
      const text = typeof document === 'string' ? document : JSON.stringify(document)
      assert.throws(
        () => parseManifest(Buffer.from(text), header, 'x'),
        (error: unknown) => error instanceof TsbuildError && error.code === code && why.test(error.message),
      )
    })
  }

  test('parseManifest() throws nothing but its own errors', () => {
    const noise = fc.record(
      {
        schemaVersion: fc.constant(2),
        mediaType: fc.anything(),
        config: fc.anything(),
        layers: fc.anything(),
        manifests: fc.anything(),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(noise, fc.option(fc.string(), { nil: undefined }), (document, header) => {
        try {
          parseManifest(
            Buffer.from(JSON.stringify(document, (_, value) => (typeof value === 'bigint' ? 0 : value))),
            header,
            'x',
          )
        } catch (error) {
          if (!(error instanceof TsbuildError)) throw error
        }
      }),
    )
  })

  test('fetchManifest() refuses manifests that are too large, or are not what was asked for', async () => {
    let answer: { readonly body: string; readonly headers: Record<string, string> } = { body: '', headers: {} }
    await using server = await serve((_, response) => response.writeHead(200, answer.headers).end(answer.body))
    await using client = createRegistryClient({ dockerConfigPath: false, retry: quick })
    answer = { body: ' '.repeat(maxManifestBytes + 1), headers: {} }
    await fails(client.fetchManifest(server.ref('app')), 'MANIFEST_INVALID', /larger than 4 MiB/)
    answer = { body: JSON.stringify(image), headers: { 'docker-content-digest': digestOf('other') } }
    await fails(client.fetchManifest(server.ref('app')), 'DIGEST_MISMATCH', /instead of/)
    answer = { body: JSON.stringify(image), headers: {} }
    await fails(client.fetchManifest({ ...server.ref('app'), digest: digestOf('other') }), 'DIGEST_MISMATCH')
    answer = { body: '<html>login</html>', headers: { 'content-type': 'text/html' } }
    await fails(client.fetchManifest(server.ref('app')), 'MANIFEST_INVALID', /not JSON/)
  })
})
