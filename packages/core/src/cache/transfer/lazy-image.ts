import type { ByteStream, CallOptions, ContentStore, DiffID, SnapshotName } from '@tsbuild/spec'
import type { ImageLayers } from '../../images/image-layers.js'
import { asItems } from '../../images/layer-progress.js'
import type { ResolvedImage } from '../../images/resolve-image.js'
import type { LayerHold } from '../../ops/layer-hold.js'
import { newSnapshotName } from '../../ops/names.js'
import type { PresentOptions } from './lazy-layers.js'
import type { LazyLayerInfo } from './promised-layers.js'

/** A base image of a build whose layers may be needed, or not. */
export class LazyImage {
  /** Stand for its layers until they are here, lowest first. */
  readonly names: readonly SnapshotName[]
  readonly #image: ResolvedImage
  #here: readonly SnapshotName[] | undefined
  #fetching: Promise<void> | undefined

  constructor(image: ResolvedImage) {
    this.#image = image
    this.names = image.config.rootfs.diff_ids.map(newSnapshotName)
  }

  /** The layers' own names, once they are here. */
  get here(): readonly SnapshotName[] | undefined {
    return this.#here
  }

  info(index: number): LazyLayerInfo {
    const { manifest, config, reference, from } = this.#image
    const { registry, repository } = reference
    const [blob, diffId] = [manifest.layers[index], config.rootfs.diff_ids[index]]
    if (blob === undefined || diffId === undefined) throw new RangeError('no such layer')
    return { diffId: diffId as DiffID, size: 0, blob, sources: from === 'store' ? [] : [{ registry, repository }] }
  }

  /** Brings its layers here, once; a failure is tried again by who asks next. */
  async unpack(
    services: { readonly images: ImageLayers; readonly hold: LayerHold },
    options: PresentOptions,
  ): Promise<void> {
    if (this.#here !== undefined) return
    this.#fetching ??= this.#unpack(services, options).finally(() => {
      this.#fetching = undefined
    })
    await this.#fetching
  }

  /** The bytes of a layer's blob; what is sent on is not unpacked for it. */
  async *read(
    index: number,
    { images, content }: { readonly images: ImageLayers; readonly content: ContentStore },
    options: CallOptions & { readonly offset?: number },
  ): ByteStream {
    const { blob } = this.info(index)
    if (this.#image.from !== 'store') await images.fetchBlob(this.#image, blob, options)
    yield* content.read(blob, options)
  }

  async settled(): Promise<void> {
    await this.#fetching
  }

  async #unpack(
    { images, hold }: { readonly images: ImageLayers; readonly hold: LayerHold },
    { signal, onProgress = () => {} }: PresentOptions & CallOptions,
  ): Promise<void> {
    const onLayer = asItems(this.#image.manifest.layers, onProgress)
    const from = this.#image.from ?? 'registry'
    const { layers } = await images.unpack(this.#image, { ...(signal === undefined ? {} : { signal }), onLayer, from })
    await hold.hold(layers)
    this.#here = layers
  }
}
