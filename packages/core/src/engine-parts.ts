import type { RegistryClient } from '@tsbuild/registry'
import type { ContentStore, KeyLocks, Runtime, Snapshotter } from '@tsbuild/spec'
import type { ImageNames, LayerTables, Store } from '@tsbuild/store'
import type { FileEngine } from './files/index.js'
import type { DiffIds } from './images/diff-ids.js'
import type { ImageLayers } from './images/image-layers.js'

/** What an open engine is made of. Functions open what is dear, once. */
export interface EngineParts {
  readonly root: string
  readonly store: Store
  readonly content: ContentStore
  readonly names: ImageNames
  readonly tables: LayerTables
  readonly snapshotter: Snapshotter
  readonly locks: KeyLocks
  readonly files: FileEngine
  readonly images: ImageLayers
  readonly diffIds: DiffIds
  readonly cacheDirectory: string
  /** Where streamed contexts of this session are unpacked. */
  readonly contextsDirectory: () => string
  readonly registry: () => Promise<RegistryClient>
  readonly runtime: () => Promise<Runtime>
  /** Awaited before the first snapshot is made: cleans up after dead sessions, once. */
  readonly beforeWrite: () => Promise<void>
}
