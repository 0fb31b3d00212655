import type {
  CacheRecord,
  CacheStore,
  CallOptions,
  ContentStore,
  Digest,
  SessionLocks,
  SnapshotName,
} from '@tsbuild/spec'
import type { BootStamps } from '../database/boot-stamps.js'
import type { Database } from '../database/database.js'
import type { ImageNames } from '../images/image-names.js'
import type { LayoutIndex } from '../images/layout-index.js'
import type { RootPaths } from '../root/root-paths.js'
import type { OnCheckProgress } from './finding.js'

/** The snapshots as who checks the store sees them. */
export interface CheckedSnapshots {
  /** All that have a place on disk, damaged ones too. */
  list(): Promise<readonly SnapshotName[]>
  /** Whether files and record of a snapshot are there. */
  isWhole(name: SnapshotName): boolean
  /** When it was made or last moved; milliseconds since the epoch. */
  changedAt(name: SnapshotName): Promise<number>
  /** Takes it out of sight, synchronously; what it gives removes the files. `undefined` where there is none. */
  take(name: SnapshotName): (() => Promise<void>) | undefined
}

export interface CheckOptions extends CallOptions {
  /** Mend what can be mended. */
  readonly repair?: boolean
  /** SHA-256 of a file, computed off this thread; `undefined` where it has gone. */
  readonly hashFile: (path: string, onBytes: (bytes: number) => void) => Promise<Digest | undefined>
  readonly snapshots: CheckedSnapshots
  /** The layer that a record's result consists of, as its op wrote it down. */
  readonly layerOf: (record: CacheRecord) => SnapshotName | undefined
  /** What no table knows is left alone while it is younger than this. Default 10 minutes. */
  readonly graceMs?: number
  readonly onProgress?: OnCheckProgress
}

/** What the checks of a store work on. */
export interface CheckContext {
  readonly paths: RootPaths
  readonly db: Database
  readonly content: ContentStore
  readonly sessions: SessionLocks
  readonly stamps: BootStamps
  readonly layout: LayoutIndex
  readonly images: ImageNames
  readonly cache: CacheStore
  readonly options: CheckOptions
  /** Blobs whose content is wrong: for all that follows they are not there. */
  readonly corrupt: Set<Digest>
}

/** Whether a blob is there as a file and known to be right. */
export function hasGoodBlob({ content, corrupt }: CheckContext, digest: Digest): boolean {
  return !corrupt.has(digest) && content.hasBlob(digest)
}
