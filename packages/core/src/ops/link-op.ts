import type { Op, RunContext, RunOutput } from '@tsbuild/solver'
import { type LayerChain, stack } from './layers.js'

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
    return { result: stack(inputs.map(({ result }) => result)), value: null }
  }
}
