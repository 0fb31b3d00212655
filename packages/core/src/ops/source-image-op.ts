import type { CacheKeyParts, Op, RunContext, RunOutput } from '@tsbuild/solver'
import { chainID } from '@tsbuild/spec'
import type { ResolvedImage } from '../images/resolve-image.js'
import { emptyChain, type LayerChain } from './layers.js'
import type { OpServices } from './services.js'

/** FROM an image: its layers as snapshots. The result is named by the chainID, since equal layers serve equally well
 * wherever they were fetched. */
export class SourceImageOp implements Op<LayerChain> {
  readonly kind = 'image'
  readonly attributes: { readonly chainID: string | null }
  readonly #image: ResolvedImage
  readonly #services: OpServices

  constructor(image: ResolvedImage, services: OpServices) {
    this.#image = image
    this.#services = services
    this.attributes = { chainID: chainID(image.config.rootfs.diff_ids) ?? null }
  }

  cacheKey(): CacheKeyParts {
    return { inputs: [{ name: 'base image', value: this.attributes.chainID }], madeOn: [] }
  }

  load(): LayerChain | undefined {
    const { chainID: id } = this.attributes
    if (id === null) return emptyChain
    const layers = this.#services.images.layersOf(this.#image.config.rootfs.diff_ids)
    return layers === undefined ? undefined : { id, layers }
  }

  async run({ signal, progress }: RunContext<LayerChain>): Promise<RunOutput<LayerChain>> {
    const { chainID: id } = this.attributes
    if (id === null) return { result: emptyChain, value: null }
    this.#services.warmRuntime()
    const { layers, bytes } = await this.#services.images.unpack(this.#image, { signal, progress })
    return { result: { id, layers }, value: null, sizeBytes: bytes }
  }
}
