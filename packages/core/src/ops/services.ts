import type { KeyLocks, Runtime, SnapshotName, Snapshotter } from '@tsbuild/spec'
import type { LayerTables } from '@tsbuild/store'
import type { FileEngine, FileSource } from '../files/index.js'
import type { ImageLayers } from '../images/image-layers.js'

/** What ops use of the engine and of the build that they belong to. Members that are dear to open are functions:
 * a build that only hits never calls them. */
export interface OpServices {
  readonly snapshotter: Snapshotter
  readonly tables: LayerTables
  readonly locks: KeyLocks
  readonly files: FileEngine
  readonly images: ImageLayers
  readonly runtime: () => Promise<Runtime>
  /** Awaited before the first snapshot is made: cleans up after dead sessions, once. */
  readonly beforeWrite: () => Promise<void>
  /** Folder of `RUN --mount=type=cache` contents. */
  readonly cacheDirectory: string
  readonly secrets: ReadonlyMap<string, Uint8Array>
  /** The build's context. */
  readonly context: FileSource
  /** Told each layer that a step made, e.g. to derive its digest meanwhile. */
  readonly onLayer: (layer: SnapshotName) => void
}
