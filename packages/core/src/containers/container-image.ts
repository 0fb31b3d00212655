import {
  type CallOptions,
  type Descriptor,
  type Digest,
  hasCode,
  type ImageConfig,
  type ImageManifest,
  parsePlatform,
  parseReference,
  platformScore,
  type SnapshotName,
} from '@tsbuild/spec'
import type { ContainerOptions } from '../api/containers.js'
import type { Images } from '../api/images.js'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'

/** An image with all of its layers unpacked. */
export interface ContainerImage {
  readonly imageId: Digest
  readonly manifest: Descriptor
  readonly config: ImageConfig
  readonly layers: readonly SnapshotName[]
}

type Options = Pick<ContainerOptions, 'image' | 'pull' | 'platform' | 'onPull' | 'signal'>

interface Found {
  readonly digest: Digest
  readonly manifest: ImageManifest
  readonly config: ImageConfig
  /** By which its layers can be fetched; an image that is here as a whole may have no name. */
  readonly name?: string
}

const defaultManifestType = 'application/vnd.oci.image.manifest.v1+json'

/** Finds the image of a container: here by name or id, else in its registry. Its layers are unpacked where they are not.
 * @throws {CoreError} `IMAGE_NOT_FOUND`, `PLATFORM_UNSUPPORTED`, and what the registry throws */
export async function containerImage(parts: EngineParts, images: Images, options: Options): Promise<ContainerImage> {
  const found = findHere(images, options) ?? (await pull(images, options))
  const { config, digest, manifest } = found
  const layers = parts.images.layersOf(config.rootfs.diff_ids) ?? (await unpack(parts, found, options))
  const size = parts.content.readSmall(digest)?.length
  if (size === undefined) throw new CoreError('IMAGE_NOT_FOUND', `Cannot find image "${options.image}": it is gone`)
  return {
    imageId: manifest.config.digest,
    manifest: { mediaType: manifest.mediaType ?? defaultManifestType, digest, size },
    config,
    layers,
  }
}

function findHere(images: Images, { image, pull = 'missing', platform }: Options): Found | undefined {
  if (pull === 'always') return undefined
  try {
    const { digest, manifest, config, names } = images.inspect(image)
    if (platform !== undefined && platformScore(parsePlatform(platform), config) === undefined) {
      if (pull === 'never')
        throw new CoreError('PLATFORM_UNSUPPORTED', `Cannot use image "${image}": it is not for ${platform}`)
      return undefined
    }
    return { digest, manifest, config, ...(names[0] === undefined ? {} : { name: names[0] }) }
  } catch (error) {
    if (pull === 'never' || !hasCode(error, 'IMAGE_NOT_FOUND') || isId(image)) throw error
    return undefined
  }
}

function isId(image: string): boolean {
  return /^(sha256:)?[0-9a-f]{64}$/.test(image)
}

async function pull(images: Images, { image, platform, onPull, signal }: Options): Promise<Found> {
  const { name, id } = await images.pull(image, {
    ...(platform === undefined ? {} : { platform }),
    ...(signal === undefined ? {} : { signal }),
    ...(onPull === undefined ? {} : { onEvent: onPull }),
  })
  const { digest, manifest, config } = images.inspect(id)
  return { digest, manifest, config, name }
}

async function unpack(parts: EngineParts, found: Found, { image, signal }: Options): Promise<readonly SnapshotName[]> {
  const name = found.name ?? image
  const reference = parseReference(isId(name) ? `sha256/${name.slice(-12)}` : name)
  await parts.beforeWrite()
  const call: CallOptions = signal === undefined ? {} : { signal }
  const { layers } = await parts.images.unpack({ ...found, name, reference }, call)
  return layers
}
