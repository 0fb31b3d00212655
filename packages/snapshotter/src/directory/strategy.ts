import type { Mount, SnapshotKey, SnapshotName, SnapshotUsage, SnapshotView } from '@tsbuild/spec'
import type { LayerFormat } from '../layers/layer.js'

export interface CommitRequest {
  /** Directory of the active snapshot. */
  readonly active: string
  /** Directories of the chain, lowest first. */
  readonly chain: readonly string[]
  readonly name: SnapshotName
  /** Whether mode or owner of the root were changed. */
  readonly rootChanged: boolean
  readonly signal: AbortSignal | undefined
}

/** What the two kinds of snapshots do differently. */
export interface Strategy {
  readonly kind: LayerFormat
  /** Fills the new directory `active` (which has an empty `fs`) and says how to mount it. */
  prepare(
    key: SnapshotKey,
    active: string,
    layers: readonly SnapshotName[],
    signal: AbortSignal | undefined,
  ): Promise<Mount>
  /** How to mount an active snapshot that was prepared on `layers`. */
  mount(active: string, layers: readonly SnapshotName[]): Mount
  view(layers: readonly SnapshotName[], signal: AbortSignal | undefined): Promise<SnapshotView>
  /** Makes the committed snapshot; `active` is gone afterwards, and kept after a failure. */
  commit(request: CommitRequest): Promise<SnapshotUsage>
}
