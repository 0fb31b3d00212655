import { type CallOptions, type DiffID, digestHex, type SnapshotName } from '@tsbuild/spec'
import type { ImageLayers } from '../../images/image-layers.js'
import type { LayerProgress } from '../../images/layer-progress.js'
import type { ResolvedImage } from '../../images/resolve-image.js'
import type { LayerHold } from '../../ops/layer-hold.js'
import { newSnapshotName } from '../../ops/names.js'
import type { LazyLayerInfo, PresentOptions } from './lazy-layers.js'

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
  async fetch(
    services: { readonly images: ImageLayers; readonly hold: LayerHold },
    options: PresentOptions,
  ): Promise<void> {
    if (this.#here !== undefined) return
    this.#fetching ??= this.#unpack(services, options).finally(() => {
      this.#fetching = undefined
    })
    await this.#fetching
  }

  async settled(): Promise<void> {
    await this.#fetching
  }

  async #unpack(
    { images, hold }: { readonly images: ImageLayers; readonly hold: LayerHold },
    { signal, onProgress }: PresentOptions & CallOptions,
  ): Promise<void> {
    const sizes = new Map(this.#image.manifest.layers.map(({ digest, size }) => [digest, size]))
    const onLayer = ({ digest, state, bytes, total }: LayerProgress) => {
      const item = digestHex(digest).slice(0, 12)
      const size = sizes.get(digest) ?? 0
      if (state === 'downloading' && bytes !== undefined) onProgress?.(item, bytes, total)
      if (state === 'complete') onProgress?.(item, size, size, true)
    }
    const from = this.#image.from ?? 'registry'
    const { layers } = await images.unpack(this.#image, { ...(signal === undefined ? {} : { signal }), onLayer, from })
    await hold.hold(layers)
    this.#here = layers
  }
}
