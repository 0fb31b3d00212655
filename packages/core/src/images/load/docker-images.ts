import { describeImage, detectCompression } from '@tsbuild/exporter'
import {
  type CallOptions,
  type ContentStore,
  type Descriptor,
  type DiffID,
  type Digest,
  mediaTypes,
} from '@tsbuild/spec'
import type { ArchiveMembers } from './archive-members.js'
import type { Intake } from './intake.js'
import { broken, type LoadableImage, readConfig, readNames } from './loadable-image.js'

interface ManifestEntry {
  readonly Config: string
  readonly RepoTags?: readonly string[] | null
  readonly Layers: readonly string[]
}

/** The images of `docker save`'s format: `manifest.json` names configs and layers. Their manifests are made here, with the layers as they
 * lie in the archive, so configs, and with them ids, stay.
 * @throws {CoreError} `ARCHIVE_INVALID` */
export async function dockerImages(intake: Intake, content: ContentStore, call: CallOptions): Promise<LoadableImage[]> {
  const list = intake.members.json('manifest.json')
  if (!Array.isArray(list) || !list.every(isEntry)) throw broken('manifest.json', 'it is no list of images')
  const images: LoadableImage[] = []
  for (const entry of list) images.push(await dockerImage(entry, intake, content, call))
  return images
}

async function dockerImage(
  { Config, RepoTags, Layers }: ManifestEntry,
  intake: Intake,
  content: ContentStore,
  call: CallOptions,
): Promise<LoadableImage> {
  const { members } = intake
  const { digest, size } = members.blob(Config)
  checkName(Config, digest)
  const config = readConfig(content, digest, size, Layers.length)
  const layers: Descriptor[] = []
  for (const [at, name] of Layers.entries()) {
    layers.push(await layerOf(members, name, config.rootfs.diff_ids[at], content, call))
  }
  const { descriptor, bytes, manifest } = describeImage({ digest, size }, layers)
  await intake.add(descriptor.digest, bytes, call)
  return { descriptor, manifest, config, references: readNames(RepoTags ?? [], 'manifest.json') }
}

/** A config's name says its digest. */
function checkName(name: string, digest: Digest): void {
  const hex = /(?:^|\/)([0-9a-f]{64})(?:\.json)?$/.exec(name)?.[1]
  if (hex === undefined || digest === `sha256:${hex}`) return
  throw broken(`image config "${name}"`, 'its content is not what its name says')
}

async function layerOf(
  members: ArchiveMembers,
  name: string,
  diffId: DiffID | undefined,
  content: ContentStore,
  call: CallOptions,
): Promise<Descriptor> {
  const { digest, size } = members.blob(name)
  const blob: Descriptor = { mediaType: mediaTypes.ociLayer, digest, size }
  const compression = detectCompression(await start(content, blob, call))
  switch (compression) {
    case 'none':
      if (digest !== diffId) throw broken(`layer "${name}"`, `its content is ${digest}, the config says ${diffId}`)
      return blob
    case 'gzip':
      return { ...blob, mediaType: mediaTypes.ociLayerGzip }
    case 'zstd':
      return { ...blob, mediaType: mediaTypes.ociLayerZstd }
    default:
      throw broken(`layer "${name}"`, `it is compressed with ${compression}, which no layer may be`)
  }
}

async function start(content: ContentStore, blob: Descriptor, call: CallOptions): Promise<Uint8Array> {
  for await (const chunk of content.read(blob, call)) return chunk
  return new Uint8Array()
}

function isEntry(value: unknown): value is ManifestEntry {
  const { Config, RepoTags, Layers } = (value ?? {}) as { readonly [member: string]: unknown }
  return (
    typeof Config === 'string' && isTexts(Layers) && (RepoTags === undefined || RepoTags === null || isTexts(RepoTags))
  )
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}
