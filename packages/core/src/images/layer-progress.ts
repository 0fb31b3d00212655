import type { Descriptor, Digest } from '@tsbuild/spec'
import type { PullState } from '../api.js'

/** What becomes of a layer that is brought into the store. */
export interface LayerProgress {
  /** Of its blob. */
  readonly digest: Digest
  readonly state: PullState
  readonly bytes?: number
  readonly total?: number
}

export type OnLayerProgress = (progress: LayerProgress) => void

const intervalMs = 100

/** Reports the progress of one layer, at most ten times a second within a state. */
export class LayerReport {
  readonly #blob: Pick<Descriptor, 'digest' | 'size'>
  readonly #tell: OnLayerProgress
  #last = 0

  constructor(blob: Pick<Descriptor, 'digest' | 'size'>, tell: OnLayerProgress) {
    this.#blob = blob
    this.#tell = tell
  }

  state(state: PullState): void {
    this.#last = 0
    this.#tell({ digest: this.#blob.digest, state })
  }

  bytes(state: PullState, bytes: number): void {
    const now = performance.now()
    if (bytes < this.#blob.size && now - this.#last < intervalMs) return
    this.#last = now
    this.#tell({ digest: this.#blob.digest, state, bytes, total: this.#blob.size })
  }
}
