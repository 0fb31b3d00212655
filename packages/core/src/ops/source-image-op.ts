import type { CacheKeyParts, Difference, Op, RunContext, RunOutput } from '@tsbuild/solver'
import { chainID, type JsonValue, type MissCause } from '@tsbuild/spec'
import { explainImage } from '../explain/image-cause.js'
import { asItems } from '../images/layer-progress.js'
import type { ResolvedImage } from '../images/resolve-image.js'
import { emptyChain, type LayerChain } from './layers.js'
import type { OpServices } from './services.js'

/** FROM an image: its layers as snapshots. The result is named by the chainID, since equal layers serve equally well
 * wherever they were fetched. */
export class SourceImageOp implements Op<LayerChain> {
  readonly kind = 'image'
  readonly attributes: { readonly chainID: string | null }
  readonly keyReads = []
  readonly resultId: string
  readonly facts: JsonValue
  readonly #image: ResolvedImage
  readonly #services: OpServices

  constructor(image: ResolvedImage, services: OpServices) {
    this.#image = image
    this.#services = services
    this.attributes = { chainID: chainID(image.config.rootfs.diff_ids) ?? null }
    this.resultId = this.attributes.chainID ?? emptyChain.id
    this.facts = { digest: image.digest }
  }

  cacheKey(): CacheKeyParts {
    return { inputs: [{ name: 'base image', value: this.attributes.chainID }], madeOn: [] }
  }

  explain(difference: Difference): MissCause {
    return explainImage(difference, this.#image.digest)
  }

  load(): LayerChain | undefined {
    const { chainID: id } = this.attributes
    if (id === null) return emptyChain
    const { images, hold, lazy } = this.#services
    const layers = images.layersOf(this.#image.config.rootfs.diff_ids)
    if (layers !== undefined) {
      hold.note(layers)
      return { id, layers }
    }
    const promised = lazy.image(this.#image)
    return promised === undefined ? undefined : { id, layers: promised }
  }

  async run({ signal, progress }: RunContext<LayerChain>): Promise<RunOutput<LayerChain>> {
    const { chainID: id } = this.attributes
    if (id === null) return { result: emptyChain, value: null }
    this.#services.warmRuntime()
    const onLayer = asItems(this.#image.manifest.layers, progress)
    const { layers, bytes } = await this.#services.images.unpack(this.#image, {
      signal,
      onLayer,
      from: this.#image.from ?? 'registry',
    })
    await this.#services.hold.hold(layers)
    return { result: { id, layers }, value: null, sizeBytes: bytes }
  }
}
