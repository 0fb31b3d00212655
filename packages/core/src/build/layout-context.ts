import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type CallOptions,
  type Descriptor,
  type Digest,
  digestHex,
  digestOf,
  formatPlatform,
  type ImageConfig,
  type ImageIndex,
  type ImageManifest,
  isDigest,
  isIndexType,
  isManifestType,
  mediaTypes,
  type Platform,
  parseJson,
  parseReference,
  platformScore,
} from '@tsbuild/spec'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'
import type { NamedContext } from '../frontend/named-context.js'
import type { ResolvedImage } from '../images/resolve-image.js'
import { checkContext } from './read-dockerfile.js'

export const layoutPrefix = 'oci-layout://'

const smallBytes = 4 << 20
const refName = 'org.opencontainers.image.ref.name'

/** What `oci-layout://DIR[:TAG][@DIGEST]` says. */
interface LayoutAddress {
  readonly directory: string
  readonly tag?: string
  readonly digest?: Digest
}

type LayoutServices = Pick<EngineParts, 'content' | 'images'>

/** An image of an OCI image layout as a build context. Its blobs come into the store, verified, when the image is asked for and its
 * layers are not there.
 * @throws {CoreError} `CONTEXT_NOT_FOUND`, `OPTION_INVALID` */
export async function openLayoutContext(
  name: string,
  value: string,
  services: LayoutServices,
  options: CallOptions,
): Promise<NamedContext> {
  const address = parseAddress(name, value)
  const directory = await checkContext(address.directory)
  const layout = new Layout({ ...address, directory }, services, options)
  await layout.find()
  return { kind: 'layout', resolve: (platform) => layout.resolve(platform) }
}

/** The tag is behind the last colon of the last part of the path. */
function parseAddress(name: string, value: string): LayoutAddress {
  const [path = '', digest] = value.slice(layoutPrefix.length).split('@', 2)
  if (digest !== undefined && !isDigest(digest)) {
    throw new CoreError(
      'OPTION_INVALID',
      `Cannot use build context "${name}": "${digest}" is not sha256:<64 hex digits>`,
    )
  }
  const [, directory = path, tag] = /^(.*):([^/:]+)$/s.exec(path) ?? []
  if (directory === '')
    throw new CoreError('OPTION_INVALID', `Cannot use build context "${name}": it names no directory`)
  return { directory, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) }
}

class Layout {
  readonly #address: LayoutAddress
  readonly #services: LayoutServices
  readonly #options: CallOptions

  constructor(address: LayoutAddress, services: LayoutServices, options: CallOptions) {
    this.#address = address
    this.#services = services
    this.#options = options
  }

  /** The entry of `index.json` that the address means: by its digest, by its tag, or the only one. */
  async find(): Promise<Descriptor> {
    const { directory, tag, digest } = this.#address
    const index = await this.#index()
    if (digest !== undefined) {
      const known = index.manifests.find((entry) => entry.digest === digest)
      if (known !== undefined) return known
      const bytes = await this.#blob(digest)
      const { mediaType = mediaTypes.ociManifest } = parseJson(
        bytes.toString('utf8'),
        digest,
      ) as unknown as ImageManifest
      return { mediaType, digest, size: bytes.length }
    }
    const tagged = index.manifests.find(({ annotations }) => isTag(annotations?.[refName], tag ?? 'latest'))
    if (tagged !== undefined) return tagged
    const [only] = index.manifests
    if (tag === undefined && only !== undefined && index.manifests.length === 1) return only
    const tags = index.manifests.flatMap(({ annotations }) => annotations?.[refName] ?? [])
    throw new CoreError(
      'CONTEXT_NOT_FOUND',
      `Cannot use image layout "${directory}": no image is tagged "${tag ?? 'latest'}"`,
      {
        hint: tags.length === 0 ? 'Name the image by its digest: DIR@sha256:…' : `There is ${tags.join(', ')}`,
      },
    )
  }

  async resolve(platform: Platform): Promise<ResolvedImage> {
    const { directory } = this.#address
    const descriptor = await this.#image(await this.find(), platform)
    const manifest = await this.#document<ImageManifest>(descriptor.digest)
    const configType = manifest.config?.mediaType
    if (configType !== mediaTypes.ociConfig && configType !== mediaTypes.dockerConfig) {
      throw this.#invalid(`${descriptor.digest} is no image`)
    }
    const config = await this.#document<ImageConfig>(manifest.config.digest)
    if (config.rootfs?.diff_ids?.length !== manifest.layers?.length) {
      throw this.#invalid(`the config of ${descriptor.digest} names other layers than the manifest`)
    }
    if (platformScore(platform, config) === undefined) {
      throw new CoreError(
        'PLATFORM_UNSUPPORTED',
        `Cannot use image layout "${directory}": it is for ${formatPlatform(config)}, not ${formatPlatform(platform)}`,
      )
    }
    const { content, images } = this.#services
    await content.writeBlob(manifest.config, await this.#blob(manifest.config.digest), this.#options)
    await content.writeBlob(descriptor, await this.#blob(descriptor.digest), this.#options)
    if (images.layersOf(config.rootfs.diff_ids) === undefined) await this.#takeLayers(manifest.layers)
    return {
      name: `${layoutPrefix}${directory}@${descriptor.digest}`,
      reference: parseReference(`layout@${descriptor.digest}`),
      digest: descriptor.digest,
      manifest,
      config,
      from: 'store',
    }
  }

  async #takeLayers(layers: readonly Descriptor[]): Promise<void> {
    const { content } = this.#services
    for (const layer of layers) {
      if (content.hasBlob(layer.digest)) continue
      const path = this.#blobPath(layer.digest)
      if ((await stat(path).catch(() => undefined)) === undefined)
        throw this.#invalid(`blob ${layer.digest} is missing`)
      await content.writeBlob(layer, createReadStream(path), this.#options)
    }
  }

  /** Follows indexes to the manifest that serves a platform best. */
  async #image(top: Descriptor, platform: Platform): Promise<Descriptor> {
    let current = top
    for (let depth = 0; isIndexType(current.mediaType); depth++) {
      const { manifests } = await this.#document<ImageIndex>(current.digest)
      const score = (entry: Descriptor) =>
        entry.platform === undefined ? undefined : platformScore(platform, entry.platform)
      const [best] = manifests
        .filter((entry) => score(entry) !== undefined)
        .sort((a, b) => (score(b) ?? 0) - (score(a) ?? 0))
      const next = best ?? (manifests.length === 1 ? manifests[0] : undefined)
      if (next === undefined || depth > 3) {
        throw new CoreError(
          'PLATFORM_UNSUPPORTED',
          `Cannot use image layout "${this.#address.directory}": it has no image for ${formatPlatform(platform)}`,
        )
      }
      current = next
    }
    if (!isManifestType(current.mediaType)) throw this.#invalid(`${current.digest} is no image`)
    const { mediaType, digest, size } = current
    return { mediaType, digest, size }
  }

  async #index(): Promise<ImageIndex> {
    const path = join(this.#address.directory, 'index.json')
    const text = await readFile(path, 'utf8').catch(() => {
      throw this.#invalid('it has no index.json')
    })
    const index = parseJson(text, path) as unknown as ImageIndex
    if (!Array.isArray(index?.manifests)) throw this.#invalid('its index.json lists no manifests')
    return index
  }

  async #document<T>(digest: Digest): Promise<T> {
    return parseJson((await this.#blob(digest)).toString('utf8'), digest) as T
  }

  /** A small blob, verified. */
  async #blob(digest: Digest): Promise<Buffer> {
    if (!isDigest(digest)) throw this.#invalid('it names a blob by what is no digest')
    const path = this.#blobPath(digest)
    const size = (await stat(path).catch(() => undefined))?.size
    if (size === undefined) throw this.#invalid(`blob ${digest} is missing`)
    if (size > smallBytes) throw this.#invalid(`blob ${digest} is too large to be a manifest or a config`)
    const bytes = await readFile(path)
    if (digestOf(bytes) !== digest) throw this.#invalid(`blob ${digest} has other content than its name says`)
    return bytes
  }

  #blobPath(digest: Digest): string {
    return join(this.#address.directory, 'blobs', 'sha256', digestHex(digest))
  }

  #invalid(state: string): CoreError {
    return new CoreError('IMAGE_INVALID', `Cannot use image layout "${this.#address.directory}": ${state}`)
  }
}

/** Some tools write the whole name where the specification has the tag. */
function isTag(name: string | undefined, tag: string): boolean {
  return name !== undefined && (name === tag || name.endsWith(`:${tag}`))
}
