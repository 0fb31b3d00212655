import {
  type ContentStore,
  type Descriptor,
  formatPlatform,
  hostPlatform,
  type ImageManifest,
  isDigest,
  isIndexType,
  isManifestType,
  layerCompression,
  mediaTypes,
  type Platform,
  platformScore,
} from '@tsbuild/spec'
import { CoreError } from '../../errors.js'
import type { ArchiveMembers } from './archive-members.js'
import { broken, type LoadableImage, readConfig, readNames, readObject } from './loadable-image.js'

/** The images of an OCI image layout: those that `index.json` names. Of an index of several platforms the best one is taken.
 * @throws {CoreError} `ARCHIVE_INVALID`, `PLATFORM_UNSUPPORTED` */
export function layoutImages(
  members: ArchiveMembers,
  content: ContentStore,
  platform: Platform | undefined,
): LoadableImage[] {
  const index = members.json('index.json') as { readonly manifests?: unknown } | null
  const images = new Map<string, LoadableImage>()
  for (const top of descriptorsOf(index?.manifests, 'index.json')) {
    const image = layoutImage(top, members, content, platform, 0)
    if (image === undefined) continue
    const before = images.get(image.descriptor.digest)
    const references = [...(before?.references ?? []), ...namesOf(top)]
    images.set(image.descriptor.digest, { ...image, references })
  }
  return [...images.values()]
}

const maxDepth = 4

function layoutImage(
  top: Descriptor,
  members: ArchiveMembers,
  content: ContentStore,
  platform: Platform | undefined,
  depth: number,
): LoadableImage | undefined {
  const what = `manifest ${top.digest}`
  if (isIndexType(top.mediaType)) {
    if (depth === maxDepth) throw broken(what, 'indexes name each other')
    const { manifests } = readObject(content, top.digest, check(top, members, what).size, what)
    const choice = choose(descriptorsOf(manifests, what), platform, what)
    return choice && layoutImage(choice, members, content, platform, depth + 1)
  }
  if (!isManifestType(top.mediaType)) return undefined
  const { mediaType, digest } = top
  const { size } = check(top, members, what)
  const manifest = readObject(content, digest, size, what) as unknown as ImageManifest
  const [configBlob] = descriptorsOf([manifest.config], what)
  const layers = descriptorsOf(manifest.layers, what)
  // Charts, signatures and the like are manifests, too.
  if (configBlob?.mediaType !== mediaTypes.ociConfig && configBlob?.mediaType !== mediaTypes.dockerConfig)
    return undefined
  for (const blob of [configBlob, ...layers]) check(blob, members, `blob ${blob.digest}`)
  for (const layer of layers) {
    if (layerCompression(layer.mediaType) === undefined)
      throw broken(`layer ${layer.digest}`, `its media type "${layer.mediaType.slice(0, 100)}" is unknown`)
  }
  const config = readConfig(content, configBlob.digest, configBlob.size, layers.length)
  return { descriptor: { mediaType, digest, size }, manifest, config, references: [] }
}

/** The best image for a platform; for this machine's, when none is asked for, or the only one that there is. */
function choose(manifests: readonly Descriptor[], asked: Platform | undefined, what: string): Descriptor | undefined {
  const images = manifests.filter(({ platform }) => platform?.os !== 'unknown')
  const [only] = images
  if (only === undefined || (images.length === 1 && asked === undefined)) return only
  const wanted = asked ?? hostPlatform()
  const score = ({ platform }: Descriptor) => (platform === undefined ? undefined : platformScore(wanted, platform))
  const [best] = images.filter((image) => score(image) !== undefined).sort((a, b) => (score(b) ?? 0) - (score(a) ?? 0))
  if (best !== undefined) return best
  const there = images.flatMap(({ platform }) => (platform === undefined ? [] : [formatPlatform(platform)]))
  throw new CoreError('PLATFORM_UNSUPPORTED', `Cannot load ${what}: it has no image for ${formatPlatform(wanted)}`, {
    hint: `It has ${there.join(', ')}: choose one with --platform`,
  })
}

/** A blob as the archive has it. */
function check(descriptor: Descriptor, members: ArchiveMembers, what: string) {
  const name = `blobs/${descriptor.digest.replace(':', '/')}`
  if (!members.has(name)) throw broken(what, 'it is missing in the archive')
  const blob = members.blob(name)
  if (blob.digest !== descriptor.digest) throw broken(what, 'its content is not what its name says')
  if (blob.size !== descriptor.size)
    throw broken(what, `it has ${blob.size} bytes, its descriptor says ${descriptor.size}`)
  return blob
}

function descriptorsOf(value: unknown, what: string): Descriptor[] {
  const isDescriptor = (one: unknown): one is Descriptor => {
    const { mediaType, digest, size } = (one ?? {}) as Partial<Descriptor>
    return typeof mediaType === 'string' && isDigest(digest) && typeof size === 'number'
  }
  if (Array.isArray(value) && value.every(isDescriptor)) return value
  throw broken(what, 'it has no valid list of descriptors')
}

/** containerd's annotation has the whole name; that of the spec may be a tag alone, which names nothing. */
function namesOf({ annotations = {} }: Descriptor) {
  const name = annotations['io.containerd.image.name'] ?? annotations['org.opencontainers.image.ref.name'] ?? ''
  return readNames(/[/:@]/.test(name) ? [name] : [], 'index.json')
}
