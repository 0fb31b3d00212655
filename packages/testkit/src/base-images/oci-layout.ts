import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import {
  type ContainerConfig,
  canonicalJson,
  type Descriptor,
  type Digest,
  digestFromHex,
  digestHex,
  digestOf,
  hostPlatform,
  type JsonValue,
  mediaTypes,
} from '@tsbuild/spec'

export interface LayoutImage {
  /** Path of the root file system as an uncompressed tar. */
  readonly tar: string
  readonly config: ContainerConfig
  /** What the one history line says. */
  readonly createdBy: string
  /** Seconds since the epoch. */
  readonly epoch: number
}

/** Writes an OCI image layout (image-layout.md) with one image of one gzip layer, tagged `latest`, into a new directory. */
export async function writeOciLayout(directory: string, image: LayoutImage): Promise<void> {
  const blobs = join(directory, 'blobs/sha256')
  await mkdir(blobs, { recursive: true })
  const { diffId, layer } = await compressLayer(blobs, image.tar)
  const platform = hostPlatform()
  const created = new Date(image.epoch * 1000).toISOString().replace('.000Z', 'Z')
  const config = await writeJson(blobs, mediaTypes.ociConfig, {
    ...platform,
    created,
    config: image.config,
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created, created_by: image.createdBy }],
  } as unknown as JsonValue)
  const manifest = await writeJson(blobs, mediaTypes.ociManifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config,
    layers: [layer],
  } as unknown as JsonValue)
  const annotations = { 'org.opencontainers.image.ref.name': 'latest' }
  const index = { schemaVersion: 2, manifests: [{ ...manifest, platform, annotations }] } as unknown as JsonValue
  await writeFile(join(directory, 'index.json'), canonicalJson(index))
  await writeFile(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
}

async function compressLayer(blobs: string, tar: string): Promise<{ diffId: Digest; layer: Descriptor }> {
  const plain = createHash('sha256')
  const packed = createHash('sha256')
  const partial = join(blobs, 'layer.partial')
  await pipeline(createReadStream(tar), tap(plain), createGzip(), tap(packed), createWriteStream(partial))
  const digest = digestFromHex(packed.digest('hex'))
  const { size } = await stat(partial)
  await rename(partial, join(blobs, digestHex(digest)))
  return { diffId: digestFromHex(plain.digest('hex')), layer: { mediaType: mediaTypes.ociLayerGzip, digest, size } }
}

function tap(hash: ReturnType<typeof createHash>): Transform {
  return new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
}

async function writeJson(blobs: string, mediaType: string, value: JsonValue): Promise<Descriptor> {
  const bytes = Buffer.from(canonicalJson(value))
  const digest = digestOf(bytes)
  await writeFile(join(blobs, digestHex(digest)), bytes)
  return { mediaType, digest, size: bytes.length }
}
