import type { Op, RunOutput } from '@tsbuild/solver'
import { emptyChain, type LayerChain } from './layers.js'

/** `FROM scratch`: no layers. */
export class ScratchOp implements Op<LayerChain> {
  readonly kind = 'scratch'
  readonly attributes = null

  cacheKey(): undefined {
    return undefined
  }

  load(): undefined {
    return undefined
  }

  run(): RunOutput<LayerChain> {
    return { result: emptyChain, value: null }
  }
}
