import { createRegistryClient, type RegistryClient } from '@tsbuild/registry'
import {
  canonicalJson,
  digestOf,
  formatReference,
  type JsonValue,
  mediaTypes,
  parseReference,
  type Reference,
} from '@tsbuild/spec'
import { command, findProgram, registryProblem, startRegistry, tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { blobOf, fails, MemorySink, opener, quick, random, type SmallImage, smallImage } from './support.js'

const skip = registryProblem()

async function push(client: RegistryClient, reference: Reference, image: SmallImage): Promise<void> {
  await client.pushBlob(reference, image.manifest.config, opener(image.config))
  await client.pushBlob(reference, image.manifest.layers[0]!, opener(image.layer))
  await client.pushManifest(reference, image.bytes, mediaTypes.ociManifest)
}

tests('registry client on a real registry', (test) => {
  test(
    'pushBlob(), pushManifest(), resolve() and pullBlob() carry an image there and back',
    async () => {
      await using registry = await startRegistry()
      await using client = createRegistryClient({ dockerConfigPath: false })
      const reference = parseReference(`${registry.host}/team/app:1.0`)
      const image = smallImage(undefined, 3_000_000)
      await push(client, reference, image)
      const resolved = await client.resolve(reference)
      assert.is(resolved.descriptor.digest, digestOf(image.bytes))
      assert.is(resolved.indexDescriptor, undefined)
      assert.equal(resolved.manifest, JSON.parse(image.bytes.toString()))
      assert.equal(Buffer.from(await client.readBlob(reference, resolved.manifest.config)), image.config)
      const sink = new MemorySink()
      const progress: number[] = []
      await client.pullBlob(reference, resolved.manifest.layers[0]!, sink, {
        onProgress: (bytes) => progress.push(bytes),
      })
      assert.equal(sink.blobs.get(blobOf(image.layer).digest), image.layer)
      assert.is(progress.at(-1), 3_000_000)
      const byDigest = await client.resolve(parseReference(`${registry.host}/team/app@${resolved.descriptor.digest}`))
      assert.equal(byDigest.manifestBytes, resolved.manifestBytes)
    },
    { skip },
  )

  test(
    'pushBlob() says how the blob got there: pushed, exists, mounted',
    async () => {
      await using registry = await startRegistry()
      await using client = createRegistryClient({ dockerConfigPath: false })
      const one = parseReference(`${registry.host}/one`)
      const two = parseReference(`${registry.host}/two`)
      const bytes = random(100_000)
      const read: number[] = []
      const open = (offset: number) => {
        read.push(offset)
        return opener(bytes)(offset)
      }
      assert.is(await client.hasBlob(one, blobOf(bytes)), false)
      assert.is(await client.pushBlob(one, blobOf(bytes), open), 'pushed')
      assert.is(await client.hasBlob(one, blobOf(bytes)), true)
      assert.is(await client.pushBlob(one, blobOf(bytes), open), 'exists')
      assert.is(await client.pushBlob(two, blobOf(bytes), open, { mountFrom: ['nowhere', 'one'] }), 'mounted')
      assert.equal(read, [0])
      assert.is(await client.hasBlob(two, blobOf(bytes)), true)
      const other = random(2_000_000)
      assert.is(await client.pushBlob(two, blobOf(other), opener(other), { mountFrom: ['one'] }), 'pushed')
      assert.is(await client.pushBlob(two, blobOf(Buffer.alloc(0)), opener(Buffer.alloc(0))), 'pushed')
    },
    { skip },
  )

  test(
    'resolve() follows an index to the platform that fits best',
    async () => {
      await using registry = await startRegistry()
      await using client = createRegistryClient({ dockerConfigPath: false })
      const reference = parseReference(`${registry.host}/multi`)
      const platforms = [
        { os: 'unknown', architecture: 'unknown' },
        { os: 'linux', architecture: 'arm', variant: 'v6' },
        { os: 'linux', architecture: 'arm', variant: 'v7' },
        { os: 'linux', architecture: 'amd64' },
      ]
      const manifests: JsonValue[] = []
      for (const platform of platforms) {
        const image = smallImage(platform)
        const digest = digestOf(image.bytes)
        await push(client, { registry: reference.registry, repository: reference.repository, digest }, image)
        manifests.push({ mediaType: mediaTypes.ociManifest, digest, size: image.bytes.length, platform })
      }
      const index = Buffer.from(canonicalJson({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }))
      await client.pushManifest(reference, index, mediaTypes.ociIndex)
      for (const [wanted, expected] of [
        ['amd64', 3],
        ['v7', 2],
        ['v8', 2],
        ['v6', 1],
      ] as const) {
        const platform =
          wanted === 'amd64'
            ? { os: 'linux', architecture: 'amd64' }
            : { os: 'linux', architecture: 'arm', variant: wanted }
        const resolved = await client.resolve(reference, { platform })
        assert.is(resolved.descriptor.digest, (manifests[expected] as { digest: string }).digest, wanted)
        assert.is(resolved.indexDescriptor?.digest, digestOf(index))
      }
      const error = await fails(
        client.resolve(reference, { platform: { os: 'linux', architecture: 's390x' } }),
        'PLATFORM_NOT_FOUND',
        /linux\/s390x/,
      )
      assert.is(error.hint, 'There is linux/arm/v6, linux/arm/v7, linux/amd64')
    },
    { skip },
  )

  test(
    'resolve() and pullBlob() say what is not there',
    async () => {
      await using registry = await startRegistry()
      await using client = createRegistryClient({ dockerConfigPath: false })
      const reference = parseReference(`${registry.host}/app:1`)
      await push(client, reference, smallImage())
      await fails(client.resolve({ ...reference, tag: '2' }), 'MANIFEST_NOT_FOUND', /localhost:\d+\/app:2/)
      await fails(client.pullBlob(reference, blobOf(random(10)), new MemorySink()), 'BLOB_NOT_FOUND')
      // The registry itself says of a manifest whose repository is unknown only that the manifest is.
      await fails(client.resolve(parseReference(`${registry.host}/none`)), 'MANIFEST_NOT_FOUND')
      await fails(client.pushManifest(reference, smallImage().bytes, mediaTypes.ociManifest), 'MANIFEST_INVALID')
    },
    { skip },
  )

  test(
    'the client reads what skopeo pushed, and skopeo what the client pushed',
    async () => {
      await using registry = await startRegistry()
      await using client = createRegistryClient({ dockerConfigPath: false })
      await using folder = await tempDir()
      const ours = parseReference(`${registry.host}/ours:1`)
      const image = smallImage()
      await push(client, ours, image)
      const plain = ['--insecure-policy', 'copy', '--quiet', '--src-tls-verify=false', '--dest-tls-verify=false']
      await command('skopeo', [...plain, `docker://${formatReference(ours)}`, `oci:${folder.path}/layout:x`])
      await command('skopeo', [...plain, `oci:${folder.path}/layout:x`, `docker://${registry.host}/theirs:1`])
      const { manifest } = await client.resolve(parseReference(`${registry.host}/theirs:1`))
      assert.is(manifest.config.digest, image.manifest.config.digest)
      await client.readBlob(parseReference(`${registry.host}/theirs`), manifest.layers[0]!)
    },
    { skip: skip ?? (findProgram('skopeo') === undefined ? 'skopeo is not installed' : undefined) },
  )

  test(
    'the client speaks TLS where a loopback registry does',
    async () => {
      await using registry = await startRegistry({ tls: true })
      await using client = createRegistryClient({ dockerConfigPath: false })
      const reference = parseReference(`${registry.host}/app`)
      await push(client, reference, smallImage())
      await client.resolve(reference)
    },
    { skip: registryProblem({ tls: true }) },
  )

  test('a closed client refuses calls', async () => {
    const client = createRegistryClient({ dockerConfigPath: false, retry: quick })
    await client[Symbol.asyncDispose]()
    await client[Symbol.asyncDispose]()
    await fails(client.resolve(parseReference('127.0.0.1:1/x')), 'CLIENT_CLOSED')
  })
})
