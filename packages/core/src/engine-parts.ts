import type { RegistryClient } from '@tsbuild/registry'
import type { DirectorySnapshotter } from '@tsbuild/snapshotter'
import type { ContentStore, KeyLocks, Runtime, SessionLocks } from '@tsbuild/spec'
import type { ImageNames, LayerTables, Store } from '@tsbuild/store'
import type { EngineOptions } from './api.js'
import type { CacheMounts } from './cache/cache-mounts.js'
import type { UseLog } from './cache/use-log.js'
import type { FileEngine } from './files/index.js'
import type { DiffIds } from './images/diff-ids.js'
import type { ImageLayers } from './images/image-layers.js'
import type { LayerHold } from './ops/layer-hold.js'

/** What an open engine is made of. Functions open what is dear, once. */
export interface EngineParts {
  readonly root: string
  readonly store: Store
  readonly content: ContentStore
  readonly names: ImageNames
  readonly tables: LayerTables
  readonly snapshotter: DirectorySnapshotter
  /** A snapshotter of the same folder whose active snapshots are those of another session. */
  readonly openSnapshotter: (session: string) => DirectorySnapshotter
  /** What the engine was opened with. */
  readonly options: EngineOptions
  readonly locks: KeyLocks
  readonly sessions: SessionLocks
  /** Cleans up after sessions that are dead by now. */
  readonly sweep: () => Promise<void>
  readonly files: FileEngine
  readonly images: ImageLayers
  readonly diffIds: DiffIds
  readonly hold: LayerHold
  readonly cacheDirectory: string
  readonly cacheMounts: CacheMounts
  /** When the cache's entries were last used. */
  readonly useLog: UseLog
  /** Where streamed contexts of this session are unpacked. */
  readonly contextsDirectory: () => string
  readonly registry: () => Promise<RegistryClient>
  readonly runtime: () => Promise<Runtime>
  /** Awaited before the first snapshot is made: cleans up after dead sessions, once. */
  readonly beforeWrite: () => Promise<void>
}
