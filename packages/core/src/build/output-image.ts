import type { AssembledImage, ExportableIndex } from '@tsbuild/exporter'
import type { Annotation, ImageVariant } from '../api.js'
import type { BuiltCache } from '../cache/transfer/export-caches.js'
import { inlineCache } from '../cache/transfer/inline-cache.js'
import type { EngineParts } from '../engine-parts.js'
import type { StageState } from '../frontend/stage-state.js'
import { commitImage } from '../images/commit-image.js'
import { type ImageSource, openImageSource } from '../images/image-source.js'
import type { LayerChain } from '../ops/layers.js'
import { annotationsAt } from './annotations.js'

/** What was built for one platform. */
export interface BuiltTarget {
  readonly target: StageState
  readonly chain: LayerChain
}

/** What the images of a build have in common. */
export interface ImageRequest {
  /** One for each platform. */
  readonly targets: readonly BuiltTarget[]
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: readonly Annotation[]
  /** SOURCE_DATE_EPOCH, in seconds. */
  readonly epoch?: number
  readonly rewriteTimestamp: boolean
  readonly built: BuiltCache
  /** Let each image carry the build's cache. */
  readonly inlineCache: boolean
  readonly signal?: AbortSignal
}

export interface CommittedImage {
  readonly built: AssembledImage
  readonly source: ImageSource
}

/** Makes the images of a build; outputs that need the same one share it. */
export class OutputImages {
  readonly #parts: EngineParts
  readonly #request: ImageRequest
  readonly #made = new Map<string, Promise<readonly CommittedImage[]>>()

  constructor(parts: EngineParts, request: ImageRequest) {
    this.#parts = parts
    this.#request = request
  }

  /** The images as an output wants them, in the order of the targets. */
  async variant(wanted: ImageVariant = {}): Promise<readonly CommittedImage[]> {
    const { annotations = [], mediaTypes = 'oci' } = wanted
    const times = this.timesOf(wanted)
    const key = JSON.stringify([times, annotations, mediaTypes])
    let images = this.#made.get(key)
    if (images === undefined) {
      images = this.#commitAll({ ...wanted, annotations, mediaTypes }, times)
      this.#made.set(key, images)
    }
    return await images
  }

  async index(wanted: ImageVariant): Promise<ExportableIndex> {
    const images = (await this.variant(wanted)).map(({ built, source }) => ({ image: built, source }))
    const all = [...this.#request.annotations, ...(wanted.annotations ?? [])]
    return {
      images,
      annotations: annotationsAt(all, 'index'),
      descriptorAnnotations: annotationsAt(all, 'index-descriptor'),
    }
  }

  timesOf({ sourceDateEpoch, rewriteTimestamp }: ImageVariant): { epoch?: number; maxMtime?: number } {
    const epoch = sourceDateEpoch ?? this.#request.epoch
    if (epoch === undefined) return {}
    return sourceDateEpoch !== null && (rewriteTimestamp ?? this.#request.rewriteTimestamp)
      ? { epoch, maxMtime: epoch }
      : { epoch }
  }

  async #commitAll(
    { annotations, mediaTypes }: Required<Pick<ImageVariant, 'annotations' | 'mediaTypes'>>,
    times: { epoch?: number; maxMtime?: number },
  ): Promise<readonly CommittedImage[]> {
    const { targets, labels, signal, built: cache } = this.#request
    const all = [...this.#request.annotations, ...annotations]
    const now = Date.now()
    return await Promise.all(
      targets.map(async ({ target, chain }): Promise<CommittedImage> => {
        const { built, layers } = await commitImage(this.#parts, {
          target,
          chain,
          labels,
          annotations: annotationsAt(all, 'manifest', target.platform),
          descriptorAnnotations: annotationsAt(all, 'manifest-descriptor', target.platform),
          format: mediaTypes,
          ...times,
          lazy: cache.lazy,
          ...(this.#request.inlineCache ? { inlineCache: (layers) => inlineCache(cache, layers) } : {}),
          now,
          ...(signal === undefined ? {} : { signal }),
        })
        return { built, source: openImageSource(this.#parts, layers, cache.lazy) }
      }),
    )
  }
}
