import { decompress, limiter } from '@tsbuild/exporter'
import type { RegistryClient } from '@tsbuild/registry'
import type { DirectorySnapshotter } from '@tsbuild/snapshotter'
import {
  type ByteStream,
  type CallOptions,
  type Compression,
  type ContentStore,
  chainIDs,
  type Descriptor,
  type DiffID,
  formatReference,
  type KeyLocks,
  layerCompression,
  type SnapshotName,
} from '@tsbuild/spec'
import type { LayerTables } from '@tsbuild/store'
import { CoreError } from '../errors.js'
import { newSnapshotName } from '../ops/names.js'
import type { SourceLayer } from './image-source.js'
import { LayerReport, type OnLayerProgress } from './layer-progress.js'
import type { ResolvedImage } from './resolve-image.js'
import { rewrittenLayers, uncutSnapshot } from './rewritten-chains.js'

export interface UnpackOptions extends CallOptions {
  readonly onLayer?: OnLayerProgress
  /** `store`: its blobs are there already, from no registry. Default `registry`: what is missing is fetched by the image's name. */
  readonly from?: 'store' | 'registry'
}

export interface UnpackedImage {
  readonly layers: readonly SnapshotName[]
  /** Sum of the files' sizes of the layers that were unpacked now. */
  readonly bytes: number
  /** Layers that were unpacked now. */
  readonly made: number
}

export interface ImageLayersServices {
  readonly content: ContentStore
  readonly layers: LayerTables
  readonly snapshotter: DirectorySnapshotter
  readonly locks: KeyLocks
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

  /** The layers of an image that was built here with its times cut, while they are here: they become such snapshots as `layersOf` knows
   * when the image is unpacked. */
  rewrittenOf(diffIds: readonly DiffID[]): SourceLayer[] | undefined {
    return rewrittenLayers(this.#services.layers, this.#services.snapshotter, diffIds)
  }

  /** The snapshots that an image is made of here, in whatever way. */
  snapshotsOf(diffIds: readonly DiffID[]): readonly SnapshotName[] | undefined {
    return this.layersOf(diffIds) ?? this.rewrittenOf(diffIds)?.map(({ snapshot }) => snapshot)
  }

  /** Fetches and unpacks what is missing, side by side. Who wants the same layers meanwhile, in whatever process, waits for them.
   *  @throws {CoreError} `IMAGE_INVALID` when a layer is not what the config says */
  async unpack(image: ResolvedImage, options: UnpackOptions): Promise<UnpackedImage> {
    const { signal, onLayer = () => {} } = options
    const diffIds = image.config.rootfs.diff_ids
    const top = chainIDs(diffIds).at(-1)
    if (top === undefined) return { layers: [], bytes: 0, made: 0 }
    const blobs = image.manifest.layers
    const before = this.#longestKnown(diffIds)
    for (const { digest } of blobs.slice(0, before)) onLayer({ digest, state: 'exists' })
    for (const { digest } of blobs.slice(before)) onLayer({ digest, state: 'waiting' })
    if (before < diffIds.length) {
      await using _lock = await this.#services.locks.acquire(`unpack ${top}`, signal === undefined ? {} : { signal })
      const known = this.#longestKnown(diffIds)
      for (const { digest } of blobs.slice(before, known)) onLayer({ digest, state: 'exists' })
      return await this.#unpackFrom(known, image, options)
    }
    return { layers: this.layersOf(diffIds) ?? [], bytes: 0, made: 0 }
  }

  /** Unpacks all layers but the lowest `known`. */
  async #unpackFrom(known: number, image: ResolvedImage, options: UnpackOptions): Promise<UnpackedImage> {
    const diffIds = image.config.rootfs.diff_ids
    const ids = chainIDs(diffIds)
    const layers: SnapshotName[] = [...(this.layersOf(diffIds.slice(0, known)) ?? [])]
    const stop = new AbortController()
    const signal = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal])
    const made: Promise<number>[] = []
    const cut = this.rewrittenOf(diffIds)
    const found = diffIds.map((_, index) => layers[index] ?? uncutSnapshot(this.#services.layers, cut?.[index]))
    const names = found.map((name) => name ?? newSnapshotName())
    const free = limiter(layersAtOnce)
    for (let index = known; index < diffIds.length; index++) {
      if (found[index] !== undefined) continue
      const below = Promise.all([...made]).then(() => names.slice(0, index))
      below.catch(() => {})
      const work = free(() =>
        this.#unpackLayer(image, index, names[index], below, { ...options, signal }, cut?.[index]),
      )
      work.catch((error) => stop.abort(error))
      made.push(work)
    }
    const settled = await Promise.allSettled(made)
    if (stop.signal.aborted) {
      for (const [index, name] of names.entries()) {
        if (found[index] !== undefined) continue
        await this.#services.layers.remove(name)
        await this.#services.snapshotter.remove(name)
      }
      throw stop.signal.reason
    }
    for (let index = known; index < ids.length; index++) {
      const id = ids[index]
      if (id !== undefined) await this.#services.layers.setChain(id, names.slice(0, index + 1))
    }
    const bytes = settled.reduce((sum, one) => sum + (one.status === 'fulfilled' ? one.value : 0), 0)
    return { layers: names, bytes, made: made.length }
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
    cut: SourceLayer | undefined,
  ): Promise<number> {
    const { content, snapshotter, layers } = this.#services
    const { signal, onLayer = () => {} } = options
    const descriptor = image.manifest.layers[index]
    const diffId = image.config.rootfs.diff_ids[index]
    if (descriptor === undefined || diffId === undefined || name === undefined) throw new RangeError('no such layer')
    const compression = layerCompression(descriptor.mediaType)
    const title = `Cannot unpack layer ${index + 1} of image "${formatReference(image.reference)}"`
    if (compression === undefined)
      throw new CoreError('IMAGE_INVALID', `${title}: media type "${descriptor.mediaType}" is unknown`)
    const report = new LayerReport(descriptor, onLayer)
    if (options.from !== 'store' && cut === undefined) await this.#fetch(image, descriptor, report, signal)
    const info =
      cut === undefined
        ? await snapshotter.apply(name, tarOf(content, descriptor, compression, report, signal), { signal, below })
        : await this.#rewrite(name, cut, signal)
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
    const sources = options.from === 'store' ? [] : [{ registry, repository }]
    if (cut === undefined) await layers.addBlob(diffId, { mediaType, digest, size, sources })
    report.state('complete')
    return info.bytes
  }

  /** Makes the layer as the image knows it of the one that it was built as. */
  async #rewrite(name: SnapshotName, { snapshot, maxMtime = 0 }: SourceLayer, signal: AbortSignal) {
    const { snapshotter } = this.#services
    const usage = await snapshotter.rewrite(name, snapshot, maxMtime, { signal })
    return { ...usage, ...(await snapshotter.derive(name, { signal })) }
  }

  /** Brings the blob of a layer here, and leaves it packed. */
  async fetchBlob(image: ResolvedImage, descriptor: Descriptor, { signal }: CallOptions): Promise<void> {
    await this.#fetch(image, descriptor, new LayerReport(descriptor, () => {}), signal ?? new AbortController().signal)
  }

  async #fetch(
    { reference }: ResolvedImage,
    descriptor: Descriptor,
    report: LayerReport,
    signal: AbortSignal,
  ): Promise<void> {
    const { content, registry, locks } = this.#services
    if (!content.hasBlob(descriptor.digest)) {
      // Another image may have the same layer.
      await using _lock = await locks.acquire(`blob ${descriptor.digest}`, { signal })
      if (!content.hasBlob(descriptor.digest)) {
        const client = await registry()
        report.state('downloading')
        await client.pullBlob(reference, descriptor, content, {
          signal,
          onProgress: (bytes) => {
            report.bytes('downloading', bytes)
            if (bytes === descriptor.size) report.state('verifying')
          },
        })
      }
    }
    report.state('downloaded')
  }
}

function tarOf(
  content: ContentStore,
  descriptor: Descriptor,
  compression: Compression,
  report: LayerReport,
  signal: AbortSignal,
): ByteStream {
  return decompress(counted(content.read(descriptor, { signal }), report), compression)
}

/** Layers that are fetched and unpacked side by side. */
const layersAtOnce = 4

async function* counted(data: ByteStream, report: LayerReport): ByteStream {
  let bytes = 0
  report.state('extracting')
  for await (const chunk of data) {
    yield chunk
    bytes += chunk.length
    report.bytes('extracting', bytes)
  }
}
