import { type Descriptor, type Digest, digestHex } from '@tsbuild/spec'
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

/** Tells the progress of an image's layers as that of parts of a step, by the beginnings of their digests. */
export function asItems(
  blobs: readonly Descriptor[],
  tell: (item: string, bytes: number, total?: number, done?: boolean) => void,
): OnLayerProgress {
  const sizes = new Map(blobs.map(({ digest, size }) => [digest, size]))
  return ({ digest, state, bytes, total }) => {
    const item = digestHex(digest).slice(0, 12)
    const size = sizes.get(digest) ?? 0
    if (state === 'downloading' && bytes !== undefined) tell(item, bytes, total)
    if (state === 'complete') tell(item, size, size, true)
  }
}

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
