import {
  familiarReference,
  familiarRepository,
  formatReference,
  type ImageConfig,
  type ImageManifest,
  normalizePlatform,
  parseReference,
} from '@tsbuild/spec'
import type {
  ArchiveDestination,
  ArchiveSource,
  HistoryLine,
  ImageDetails,
  ImageListOptions,
  ImageSummary,
  Images,
  ImportedImage,
  ImportOptions,
  LoadedImage,
  LoadOptions,
  ManifestLists,
  PruneImagesOptions,
  PulledImage,
  PullOptions,
  PushedImage,
  PushOptions,
  RemovedImage,
  RemoveImageOptions,
  SaveOptions,
} from '../api.js'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'
import { imageFilter, intermediateImages } from './filter-images.js'
import { graphDriverOf } from './graph-driver.js'
import { holdImage } from './hold-image.js'
import { assignName } from './image-names.js'
import { ManifestListCatalog } from './manifest-lists.js'
import { findImage, type NamedImage, namedImages, shownName } from './stored-images.js'

export type Track = <T>(work: () => Promise<T>) => Promise<T>

/** The images facade over the store's tables. */
export class ImageCatalog implements Images {
  readonly #services: EngineParts
  readonly #run: Track
  readonly manifestLists: ManifestLists

  /** @param run carries out what may take long; closing the engine waits for it */
  constructor(services: EngineParts, run: Track) {
    this.#services = services
    this.#run = run
    this.manifestLists = new ManifestListCatalog(services, run)
  }

  list({ all = false, filter = {} }: ImageListOptions = {}): ImageSummary[] {
    const images = namedImages(this.#services)
    const meets = imageFilter(filter, (nameOrId) => findImage(this.#services, nameOrId).config)
    const hidden = all ? new Set<NamedImage>() : intermediateImages(images)
    const out = images.filter((image) => !hidden.has(image) && meets(image)).map((image) => this.#summary(image))
    return out.sort((a, b) => (b.created ?? '').localeCompare(a.created ?? ''))
  }

  inspect(nameOrId: string): ImageDetails {
    const { id, descriptor, config, manifest, rows } = findImage(this.#services, nameOrId)
    const layers = this.#services.images.layersOf(config.rootfs.diff_ids) ?? []
    return {
      id,
      digest: descriptor.digest,
      names: rows.flatMap((row) => shownName(row) ?? []),
      repoDigests: [...new Set(rows.flatMap(repoDigest))],
      config,
      manifest,
      sizeBytes: this.#sizeOf({ config, manifest }),
      layers,
      graphDriver: graphDriverOf(this.#services, layers),
    }
  }

  history(nameOrId: string): HistoryLine[] {
    const { config, manifest, id } = findImage(this.#services, nameOrId)
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
    if (newest !== undefined) lines[lines.length - 1] = { ...newest, id }
    return lines.reverse()
  }

  async tag(nameOrId: string, name: string): Promise<void> {
    const image = findImage(this.#services, nameOrId)
    const reference = parseReference(name)
    if (reference.digest !== undefined)
      throw new CoreError('OPTION_INVALID', `Cannot tag "${name}": a name with a digest can't be given`)
    await using _lease = await holdImage(this.#services, image, nameOrId)
    await assignName(this.#services.names, formatReference(reference), {
      manifest: image.descriptor,
      platform: normalizePlatform(image.config),
    })
  }

  async remove(nameOrId: string, options: RemoveImageOptions = {}): Promise<RemovedImage> {
    const { removeImage } = await import('./remove-image.js')
    return await this.#run(() => removeImage(this.#services, nameOrId, options))
  }

  async prune(options: PruneImagesOptions = {}): Promise<RemovedImage> {
    const { pruneImages } = await import('./prune-images.js')
    return await this.#run(() => pruneImages(this.#services, options))
  }

  async save(images: readonly string[], destination: ArchiveDestination, options: SaveOptions = {}): Promise<void> {
    const { saveImages } = await import('./save-images.js')
    await this.#run(() => saveImages(this.#services, images, destination, options))
  }

  async load(source: ArchiveSource, options: LoadOptions = {}): Promise<LoadedImage[]> {
    const { loadImages } = await import('./load-images.js')
    return await this.#run(() => loadImages(this.#services, source, options))
  }

  async import(source: ArchiveSource, options: ImportOptions = {}): Promise<ImportedImage> {
    const { importImage } = await import('./import-image.js')
    return await this.#run(() => importImage(this.#services, source, options))
  }

  async pull(name: string, options: PullOptions = {}): Promise<PulledImage> {
    const { pullImage } = await import('./pull-image.js')
    return await this.#run(() => pullImage(this.#services, name, options))
  }

  async pullAll(repository: string, options: PullOptions = {}): Promise<PulledImage[]> {
    const { pullAllTags } = await import('./pull-image.js')
    return await this.#run(() => pullAllTags(this.#services, repository, options))
  }

  async push(name: string, options: PushOptions = {}): Promise<PushedImage> {
    const { pushByName } = await import('./push-image.js')
    return await this.#run(() => pushByName(this.#services, name, options))
  }

  async pushAll(repository: string, options: PushOptions = {}): Promise<PushedImage[]> {
    const { pushAllTags } = await import('./push-image.js')
    return await this.#run(() => pushAllTags(this.#services, repository, options))
  }

  #summary({ reference, id, descriptor, manifest, config }: NamedImage): ImageSummary {
    const { created } = config
    return {
      repository: reference === undefined ? '<none>' : familiarRepository(reference),
      tag: reference?.tag ?? '<none>',
      id,
      digest: descriptor.digest,
      ...(created === undefined ? {} : { created }),
      sizeBytes: this.#sizeOf({ config, manifest }),
    }
  }

  #sizeOf({ config, manifest }: { readonly config: ImageConfig; readonly manifest: ImageManifest }): number {
    const layers = this.#services.images.layersOf(config.rootfs.diff_ids)
    if (layers === undefined) return manifest.layers.reduce((sum, { size }) => sum + size, 0)
    return layers.reduce((sum, layer) => sum + (this.#services.tables.get(layer)?.bytes ?? 0), 0)
  }
}

function repoDigest({ reference, descriptor }: NamedImage): string[] {
  if (reference === undefined) return []
  const { registry, repository } = reference
  return [familiarReference({ registry, repository, digest: descriptor.digest })]
}
