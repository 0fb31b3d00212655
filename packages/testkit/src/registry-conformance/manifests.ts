import { canonicalJson, digestOf, type JsonValue, mediaTypes } from '@tsbuild/spec'
import type { RegisterTest } from '../tests.js'
import { ask, holds, imageIn, type OpenRegistry, pushImage, putManifest } from './ask.js'
import type { Trait } from './traits.js'

const json = (value: object) => Buffer.from(canonicalJson(value as JsonValue))

/** Distribution spec, "Pushing Manifests". */
export function manifestConformance(test: RegisterTest, open: OpenRegistry, lacks: readonly Trait[]): void {
  test('registry takes manifests and indexes by tag and digest', async () => {
    await using registry = await open()
    const repository = 'manifests/put'
    const kinds = [
      [mediaTypes.ociManifest, mediaTypes.ociIndex],
      [mediaTypes.dockerManifest, mediaTypes.dockerIndex],
    ] as const
    for (const [manifestType, indexType] of kinds) {
      const image = await imageIn(registry, repository, manifestType)
      const headers = {
        location: new RegExp(`/v2/${repository}/manifests/`),
        'docker-content-digest': image.digest,
      }
      for (const reference of ['tag', image.digest, 'T.a_g-2']) {
        const answer = await putManifest(registry, repository, reference, image.bytes, manifestType)
        holds(answer, { status: 201, headers }, `PUT ${reference}`)
      }
      const platform = { architecture: 'amd64', os: 'linux' }
      const entry = { mediaType: manifestType, digest: image.digest, size: image.bytes.length, platform }
      const index = json({ schemaVersion: 2, mediaType: indexType, manifests: [entry] })
      holds(await putManifest(registry, repository, 'index', index, indexType), { status: 201 }, 'PUT index')
      const got = await ask(registry, `/v2/${repository}/manifests/index`, { headers: { accept: indexType } })
      holds(got, { status: 200, headers: { 'content-type': indexType }, body: index }, 'GET index')
    }
  })

  test('registry refuses manifests that are broken, or name what is not there', async () => {
    await using registry = await open()
    const repository = 'manifests/refused'
    const image = await imageIn(registry, repository)
    const good = JSON.parse(image.bytes.toString()) as { config: object; layers: object[] }
    const type = mediaTypes.ociManifest
    const unknown = { mediaType: mediaTypes.ociLayer, digest: digestOf('unknown'), size: 7 }
    const entry = { mediaType: type, digest: digestOf('unknown'), size: 7 }
    const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [entry] }
    const missing = 'MANIFEST_BLOB_UNKNOWN'
    const table: readonly (readonly [string, string, Buffer, string, string?])[] = [
      ['an unknown layer', 'tag', json({ ...good, layers: [unknown] }), type, missing],
      [
        'an unknown config',
        'tag',
        json({ ...good, config: { ...unknown, mediaType: mediaTypes.ociConfig } }),
        type,
        missing,
      ],
      ['an unknown manifest in an index', 'tag', json(index), mediaTypes.ociIndex, missing],
      ['no JSON', 'tag', Buffer.from('{'), type, 'MANIFEST_INVALID'],
      ['another digest', digestOf('other'), image.bytes, type, 'DIGEST_INVALID'],
    ]
    const strict: typeof table = [
      ['another size', 'tag', json({ ...good, layers: [{ ...image.layer, size: 1 }] }), type, 'MANIFEST_INVALID'],
      ['another type within', 'tag', image.bytes, mediaTypes.ociIndex, 'MANIFEST_INVALID'],
      ['no layers', 'tag', json({ ...good, layers: undefined }), type, 'MANIFEST_INVALID'],
      ['an array', 'tag', Buffer.from('[]'), type, 'MANIFEST_INVALID'],
      [
        'schema 1',
        'tag',
        json({ schemaVersion: 1 }),
        'application/vnd.docker.distribution.manifest.v1+json',
        'MANIFEST_INVALID',
      ],
      ['a broken subject', 'tag', json({ ...good, subject: { digest: 'x' } }), type, 'MANIFEST_INVALID'],
      ['a bad tag', '-tag', image.bytes, type],
      ['a long tag', 't'.repeat(129), image.bytes, type],
    ]
    for (const [title, reference, bytes, mediaType, code] of lacks.includes('strictManifests')
      ? table
      : [...table, ...strict]) {
      const answer = await putManifest(registry, repository, reference, bytes, mediaType)
      holds(answer, { status: 400, ...(code === undefined ? {} : { code }) }, title)
    }
    holds(await ask(registry, `/v2/${repository}/manifests/tag`), { status: 404 }, 'nothing was kept')
  })

  const strict = lacks.includes('strictManifests') ? 'it has other limits' : undefined
  test(
    'registry takes manifests of 4 MiB and refuses larger ones',
    async () => {
      await using registry = await open()
      const image = await imageIn(registry, 'manifests/large')
      const sized = (size: number) => {
        const value = { ...(JSON.parse(image.bytes.toString()) as object), annotations: { a: '' } }
        return json({ ...value, annotations: { a: 'x'.repeat(size - json(value).length) } })
      }
      const put = (bytes: Buffer) => putManifest(registry, 'manifests/large', 'tag', bytes, mediaTypes.ociManifest)
      holds(await put(sized(4 << 20)), { status: 201 }, '4 MiB')
      holds(await put(sized((4 << 20) + 1)), { status: 413 }, '4 MiB and a byte')
    },
    { skip: strict },
  )

  test(
    'registry takes manifests of unknown types as they are, and holds them to what they name',
    async () => {
      await using registry = await open()
      const repository = 'manifests/unknown'
      const { layer } = await pushImage(registry, repository, 'base')
      const type = 'application/vnd.example.thing.v1+json'
      const thing = Buffer.from(`{ "mediaType": "${type}",\n "blobs": [${JSON.stringify(layer)}] }`)
      holds(await putManifest(registry, repository, 'thing', thing, type), { status: 201 }, 'PUT')
      const got = await ask(registry, `/v2/${repository}/manifests/thing`)
      holds(got, { status: 200, headers: { 'content-type': type }, body: thing }, 'GET')
      const lost = json({ blobs: [{ ...layer, digest: digestOf('lost') }] })
      const refused = await putManifest(registry, repository, 'lost', lost, type)
      holds(refused, { status: 400, code: 'MANIFEST_BLOB_UNKNOWN' }, 'PUT of one with an unknown blob')
      const foreign = {
        schemaVersion: 2,
        config: layer,
        layers: [
          {
            mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
            digest: digestOf('far'),
            size: 3,
            urls: ['https://example.org/far'],
          },
        ],
      }
      const far = await putManifest(registry, repository, 'foreign', json(foreign), mediaTypes.dockerManifest)
      holds(far, { status: 201 }, 'PUT of one whose layer lies elsewhere')
    },
    { skip: lacks.includes('unknownManifests') ? 'it takes known types only' : undefined },
  )
}
