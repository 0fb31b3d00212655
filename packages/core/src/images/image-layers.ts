import { decompress } from '@tsbuild/exporter'
import type { RegistryClient } from '@tsbuild/registry'
import {
  type CallOptions,
  type ContentStore,
  chainIDs,
  type Descriptor,
  type DiffID,
  formatReference,
  layerCompression,
  type SnapshotName,
  type Snapshotter,
} from '@tsbuild/spec'
import type { LayerTables } from '@tsbuild/store'
import { CoreError } from '../errors.js'
import { newSnapshotName } from '../ops/names.js'
import type { ResolvedImage } from './resolve-image.js'

export interface UnpackOptions extends CallOptions {
  readonly progress: (item: string, bytes: number, total?: number, done?: boolean) => void
}

export interface UnpackedImage {
  readonly layers: readonly SnapshotName[]
  /** Sum of the files' sizes of the layers that were unpacked now. */
  readonly bytes: number
}

export interface ImageLayersServices {
  readonly content: ContentStore
  readonly layers: LayerTables
  readonly snapshotter: Snapshotter
  readonly registry: () => Promise<RegistryClient>
}

/** Brings the layers of images into snapshots: each layer once, whichever images have it. */
export class ImageLayers {
  readonly #services: ImageLayersServices

  constructor(services: ImageLayersServices) {
    this.#services = services
  }

  /** The snapshots of a chain of diffIDs, when all are there. */
  layersOf(diffIds: readonly DiffID[]): readonly SnapshotName[] | undefined {
    const id = chainIDs(diffIds).at(-1)
    if (id === undefined) return []
    const layers = this.#services.layers.chain(id)
    return layers?.every((layer) => this.#services.snapshotter.has(layer)) ? layers : undefined
  }

  /** Fetches and unpacks what is missing, side by side.
   *  @throws {CoreError} `IMAGE_INVALID` when a layer is not what the config says */
  async unpack(image: ResolvedImage, options: UnpackOptions): Promise<UnpackedImage> {
    const diffIds = image.config.rootfs.diff_ids
    const ids = chainIDs(diffIds)
    const known = this.#longestKnown(diffIds)
    const layers: SnapshotName[] = [...(this.layersOf(diffIds.slice(0, known)) ?? [])]
    const stop = new AbortController()
    const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal])
    const made: Promise<number>[] = []
    const names = diffIds.map((_, index) => layers[index] ?? newSnapshotName())
    const free = semaphore(layersAtOnce)
    for (let index = known; index < diffIds.length; index++) {
      const below = Promise.all([...made]).then(() => names.slice(0, index))
      below.catch(() => {})
      const work = free(() => this.#unpackLayer(image, index, names[index], below, { ...options, signal }))
      work.catch((error) => stop.abort(error))
      made.push(work)
    }
    const settled = await Promise.allSettled(made)
    if (stop.signal.aborted) {
      for (const name of names.slice(known)) await this.#services.snapshotter.remove(name)
      throw stop.signal.reason
    }
    for (let index = known; index < ids.length; index++) {
      const id = ids[index]
      if (id !== undefined) await this.#services.layers.setChain(id, names.slice(0, index + 1))
    }
    return { layers: names, bytes: settled.reduce((sum, one) => sum + (one.status === 'fulfilled' ? one.value : 0), 0) }
  }

  #longestKnown(diffIds: readonly DiffID[]): number {
    for (let count = diffIds.length; count > 0; count--)
      if (this.layersOf(diffIds.slice(0, count)) !== undefined) return count
    return 0
  }

  async #unpackLayer(
    image: ResolvedImage,
    index: number,
    name: SnapshotName | undefined,
    below: Promise<readonly SnapshotName[]>,
    options: UnpackOptions & { readonly signal: AbortSignal },
  ): Promise<number> {
    const { content, snapshotter, layers } = this.#services
    const { signal, progress } = options
    const descriptor = image.manifest.layers[index]
    const diffId = image.config.rootfs.diff_ids[index]
    if (descriptor === undefined || diffId === undefined || name === undefined) throw new RangeError('no such layer')
    const compression = layerCompression(descriptor.mediaType)
    const title = `Cannot unpack layer ${index + 1} of image "${formatReference(image.reference)}"`
    if (compression === undefined)
      throw new CoreError('IMAGE_INVALID', `${title}: media type "${descriptor.mediaType}" is unknown`)
    await this.#fetch(image, descriptor, options)
    const tar = decompress(content.read(descriptor, { signal }), compression)
    const info = await snapshotter.apply(name, tar, { signal, below })
    if (info.diffId !== diffId) {
      await snapshotter.remove(name)
      throw new CoreError('IMAGE_INVALID', `${title}: its content is ${info.diffId}, the config says ${diffId}`)
    }
    await layers.set(name, {
      diffId,
      sizeBytes: info.size,
      bytes: info.bytes,
      entries: info.entries,
      createdAt: Date.now(),
    })
    const { registry, repository } = image.reference
    const { mediaType, digest, size } = descriptor
    await layers.addBlob(diffId, { mediaType, digest, size, sources: [{ registry, repository }] })
    progress(shortName(descriptor), descriptor.size, descriptor.size, true)
    return info.bytes
  }

  async #fetch(
    { reference }: ResolvedImage,
    descriptor: Descriptor,
    { signal, progress }: UnpackOptions,
  ): Promise<void> {
    const { content, registry } = this.#services
    if (content.hasBlob(descriptor.digest)) return
    const client = await registry()
    await client.pullBlob(reference, descriptor, content, {
      ...(signal === undefined ? {} : { signal }),
      onProgress: (bytes, total) => progress(shortName(descriptor), bytes, total ?? descriptor.size),
    })
  }
}

/** Layers that are fetched and unpacked side by side. */
const layersAtOnce = 4

/** Lets `limit` of the bodies run at a time, in the order in which they came. */
function semaphore(limit: number): <T>(body: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let running = 0
  return async (body) => {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve))
    running++
    try {
      return await body()
    } finally {
      running--
      waiting.shift()?.()
    }
  }
}

function shortName({ digest }: Descriptor): string {
  return digest.slice('sha256:'.length, 'sha256:'.length + 12)
}
