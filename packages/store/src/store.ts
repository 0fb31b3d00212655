import type { CacheRecord, CacheStore, ContentStore, Metadata, RepositoryStore, SnapshotName } from '@tsbuild/spec'
import type { CheckOptions } from './check/context.js'
import type { Finding } from './check/finding.js'
import type { ContainerTable } from './containers/container-table.js'
import type { SyncFileSystem } from './database/syncer.js'
import type { GarbageOptions, GarbageReport } from './garbage/collect-garbage.js'
import type { SweepReport } from './garbage/sweep.js'
import type { TakeSnapshot } from './garbage/take-snapshots.js'
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
  /** All cache records as they are now. */
  records(): AsyncIterable<CacheRecord>
  readonly leases: Leases
  readonly containers: ContainerTable
  /** What registry servers keep: repositories with their blobs, manifests and tags. */
  readonly repositories: RepositoryStore
  /** For tables of other packages. */
  readonly metadata: Metadata
  /** Takes away the partial blobs and leases of dead sessions. The store does it on its own before it first receives a blob. */
  sweep(): Promise<SweepReport>
  /** Takes away blobs and snapshots that no name, container, repository, record or lease reaches.
   *  @throws {StoreError} `STORE_FULL`, `METADATA_FAILED`, or what `takeSnapshot` throws */
  collectGarbage(options?: GarbageOptions): Promise<GarbageReport>
  /** Compares blobs, names, records, tables and snapshots with one another, and mends what is wrong where that is asked for. Others may
   *  use the root folder meanwhile.
   *  @throws what the callbacks throw; {StoreError} `METADATA_FAILED` */
  check(options: CheckOptions): Promise<Finding[]>
  /** Drops records that are still the ones they were.
   *  @param reason as an explanation shows it, e.g. `pruned` */
  dropRecords(records: readonly CacheRecord[], reason: string): Promise<void>
  /** What is used just now by others than cache records. */
  uses(): Promise<ResourceUses>
  /** Calls `take`, which is synchronous and quick, unless somebody has leased what is called so; nobody can lease it meanwhile. Tells
   *  whether it did. */
  takeUnleased(name: string, take: () => void): Promise<boolean>
  /** Takes a layer away with all rows that speak of it, unless somebody has leased it or a container stands on it. Tells whether it did. */
  takeLayer(name: SnapshotName, take: TakeSnapshot): Promise<boolean>
  /** Makes all that was saved until now survive a power cut. It happens in the background, too, seconds after something was saved;
   *  records and layers that were not synced when the power went are answered as unknown at the next boot. */
  sync(): Promise<void>
}

/** Digests of blobs and names of snapshots. */
export interface ResourceUses {
  /** What names of images and containers lead to. */
  readonly named: ReadonlySet<string>
  /** What living processes have leased. */
  readonly leased: ReadonlySet<string>
}

export interface OpenStoreOptions {
  /** Writes all dirty pages of a file system (`syncfs`). Default: runs `sync -f`. */
  readonly syncFileSystem?: SyncFileSystem
  /** Make and change nothing; a root folder that is not there yet shows up empty. */
  readonly readonly?: boolean
}
