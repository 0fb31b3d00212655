import type { CacheStore, ContentStore, Metadata } from '@tsbuild/spec'
import type { SyncFileSystem } from './database/syncer.js'
import type { GarbageOptions, GarbageReport } from './garbage/collect-garbage.js'
import type { SweepReport } from './garbage/sweep.js'
import type { ImageNames } from './images/image-names.js'
import type { LayerTables } from './layers/layer-tables.js'
import type { Leases } from './leases/leases.js'

/** Everything of a root folder but the snapshots: blobs, names, tables, cache records, leases.
 *
 * Several processes may have one root open at once, each with a session of its own. After `kill -9` at any instant it opens again,
 * and shows each change wholly or not at all. Disposing it twice is harmless; its parts must not be used afterwards. */
export interface Store extends AsyncDisposable {
  /** Absolute path of the root folder. */
  readonly root: string
  readonly content: ContentStore
  readonly images: ImageNames
  readonly layers: LayerTables
  readonly cache: CacheStore
  readonly leases: Leases
  /** For tables of other packages. */
  readonly metadata: Metadata
  /** Takes away the partial blobs and leases of dead sessions. The store does it on its own before it first receives a blob. */
  sweep(): Promise<SweepReport>
  /** Takes away blobs and snapshots that no name, record or lease reaches.
   *  @throws {StoreError} `STORE_FULL`, `METADATA_FAILED`, or what `removeSnapshot` throws */
  collectGarbage(options?: GarbageOptions): Promise<GarbageReport>
  /** Makes all that was saved until now survive a power cut. It happens in the background, too, seconds after something was saved;
   *  records and layers that were not synced when the power went are answered as unknown at the next boot. */
  sync(): Promise<void>
}

export interface OpenStoreOptions {
  /** Writes all dirty pages of a file system (`syncfs`). Default: runs `sync -f`. */
  readonly syncFileSystem?: SyncFileSystem
  /** Make and change nothing; a root folder that is not there yet shows up empty. */
  readonly readonly?: boolean
}
