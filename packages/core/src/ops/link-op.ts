import type { Op, RunContext, RunOutput } from '@tsbuild/solver'
import { chainOf, type LayerChain } from './layers.js'

/** Puts the layers of the second input on those of the first: `COPY --link`. Nothing is copied. */
export class LinkOp implements Op<LayerChain> {
  readonly kind = 'link'
  readonly attributes = null
  readonly keyReads = []

  cacheKey(): undefined {
    return undefined
  }

  load(): undefined {
    return undefined
  }

  run({ inputs }: RunContext<LayerChain>): RunOutput<LayerChain> {
    return { result: chainOf(inputs.flatMap(({ result }) => result.layers)), value: null }
  }
}
