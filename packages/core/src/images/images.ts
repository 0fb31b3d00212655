import { suggest } from '@tsbuild/parser'
import {
  type ContentStore,
  type Descriptor,
  type Digest,
  digestHex,
  familiarReference,
  familiarRepository,
  formatReference,
  type ImageConfig,
  type ImageManifest,
  normalizePlatform,
  parseReference,
} from '@tsbuild/spec'
import type { ImageNames, LayerTables } from '@tsbuild/store'
import type { HistoryLine, ImageDetails, ImageSummary, Images } from '../api.js'
import { CoreError } from '../errors.js'
import type { ImageLayers } from './image-layers.js'
import { assignName, isDangling } from './image-names.js'
import { readImage } from './resolve-image.js'

export interface ImagesServices {
  readonly names: ImageNames
  readonly content: ContentStore
  readonly tables: LayerTables
  readonly images: ImageLayers
}

interface Stored {
  readonly descriptor: Descriptor
  readonly manifest: ImageManifest
  readonly config: ImageConfig
}

function shownName(name: string): { readonly repository: string; readonly tag: string } {
  if (isDangling(name)) return { repository: '<none>', tag: '<none>' }
  const reference = parseReference(name)
  return { repository: familiarRepository(reference), tag: reference.tag ?? '<none>' }
}

/** The images facade over the store's tables. */
export class ImageCatalog implements Images {
  readonly #services: ImagesServices

  constructor(services: ImagesServices) {
    this.#services = services
  }

  list(): ImageSummary[] {
    const out: ImageSummary[] = []
    for (const { name, manifest: descriptor } of this.#services.names.list()) {
      const stored = this.#read(descriptor)
      if (stored === undefined) continue
      const { created } = stored.config
      out.push({
        ...shownName(name),
        id: stored.manifest.config.digest,
        digest: descriptor.digest,
        ...(created === undefined ? {} : { created }),
        sizeBytes: this.#sizeOf(stored),
      })
    }
    return out.sort((a, b) => (b.created ?? '').localeCompare(a.created ?? ''))
  }

  inspect(nameOrId: string): ImageDetails {
    const stored = this.#find(nameOrId)
    return {
      id: stored.manifest.config.digest,
      digest: stored.descriptor.digest,
      names: this.#shownNames()
        .filter(({ manifest }) => manifest.digest === stored.descriptor.digest)
        .map(({ shown }) => shown),
      config: stored.config,
      manifest: stored.manifest,
      sizeBytes: this.#sizeOf(stored),
      layers: this.#services.images.layersOf(stored.config.rootfs.diff_ids) ?? [],
    }
  }

  history(nameOrId: string): HistoryLine[] {
    const { config, manifest } = this.#find(nameOrId)
    const diffIds = config.rootfs.diff_ids
    const layers = this.#services.images.layersOf(diffIds)
    let next = 0
    const lines: HistoryLine[] = (config.history ?? []).map((entry) => {
      if (entry.empty_layer === true) return { ...entry, sizeBytes: 0 }
      const layer = layers?.[next]
      const sizeBytes =
        layer === undefined ? (manifest.layers[next]?.size ?? 0) : (this.#services.tables.get(layer)?.bytes ?? 0)
      next++
      return { ...entry, sizeBytes }
    })
    const newest = lines.at(-1)
    if (newest !== undefined) lines[lines.length - 1] = { ...newest, id: manifest.config.digest }
    return lines.reverse()
  }

  async tag(nameOrId: string, name: string): Promise<void> {
    const { descriptor, config } = this.#find(nameOrId)
    const reference = parseReference(name)
    if (reference.digest !== undefined)
      throw new CoreError('OPTION_INVALID', `Cannot tag "${name}": a name with a digest can't be given`)
    await assignName(this.#services.names, formatReference(reference), {
      manifest: descriptor,
      platform: normalizePlatform(config),
    })
  }

  /** The image that a name, an id or the beginning of an id leads to. */
  #find(nameOrId: string): Stored {
    const descriptor = this.#byName(nameOrId) ?? this.#byId(nameOrId)
    const stored = descriptor === undefined ? undefined : this.#read(descriptor)
    if (stored !== undefined) return stored
    const near = suggest(
      nameOrId,
      this.#shownNames().map(({ shown }) => shown),
    )
    const hint = near === undefined ? undefined : `Did you mean "${near}"?`
    throw new CoreError(
      'IMAGE_NOT_FOUND',
      `Cannot find image "${nameOrId}": no such image`,
      hint === undefined ? {} : { hint },
    )
  }

  /** Names of images as Docker shows them. */
  #shownNames(): { readonly shown: string; readonly manifest: Descriptor }[] {
    const named = this.#services.names.list().filter(({ name }) => !isDangling(name))
    return named.map(({ name, manifest }) => ({ shown: familiarReference(parseReference(name)), manifest }))
  }

  #byName(name: string): Descriptor | undefined {
    if (/^(sha256:)?[0-9a-f]{64}$/.test(name)) return undefined
    try {
      const reference = parseReference(name)
      return this.#services.names.get(formatReference(reference))?.manifest
    } catch {
      return undefined
    }
  }

  #byId(id: string): Descriptor | undefined {
    const hex = id.replace(/^sha256:/, '')
    if (!/^[0-9a-f]{4,64}$/.test(hex)) return undefined
    const found = new Map<Digest, Descriptor>()
    for (const { manifest: descriptor } of this.#services.names.list()) {
      const config = this.#read(descriptor)?.manifest.config.digest
      if (digestHex(descriptor.digest).startsWith(hex) || (config !== undefined && digestHex(config).startsWith(hex))) {
        found.set(config ?? descriptor.digest, descriptor)
      }
    }
    if (found.size > 1) throw new CoreError('IMAGE_NOT_FOUND', `Cannot find image "${id}": several ids begin so`)
    return [...found.values()][0]
  }

  #read(descriptor: Descriptor): Stored | undefined {
    const image = readImage(this.#services.content, descriptor.digest)
    return image === undefined ? undefined : { descriptor, ...image }
  }

  #sizeOf({ config, manifest }: Stored): number {
    const layers = this.#services.images.layersOf(config.rootfs.diff_ids)
    if (layers === undefined) return manifest.layers.reduce((sum, { size }) => sum + size, 0)
    return layers.reduce((sum, layer) => sum + (this.#services.tables.get(layer)?.bytes ?? 0), 0)
  }
}
