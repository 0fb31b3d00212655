import type { KeyLocks, Runtime, SnapshotName, Snapshotter } from '@tsbuild/spec'
import type { LayerTables } from '@tsbuild/store'
import type { FileEngine, FileSource } from '../files/index.js'
import type { GitSession } from '../git/index.js'
import type { ImageLayers } from '../images/image-layers.js'
import type { ForwardedAgents } from '../ssh/forwarded-agents.js'

/** What ops use of the engine and of the build that they belong to. Members that are dear to open are functions:
 * a build that only hits never calls them. */
export interface OpServices {
  readonly snapshotter: Snapshotter
  readonly tables: LayerTables
  readonly locks: KeyLocks
  readonly files: FileEngine
  readonly images: ImageLayers
  readonly runtime: () => Promise<Runtime>
  /** Called by a step that must run: where RUNs follow it, they will have to run, too, so the runtime may start meanwhile. */
  readonly warmRuntime: () => void
  /** Awaited before the first snapshot is made: cleans up after dead sessions, once. */
  readonly beforeWrite: () => Promise<void>
  /** Folder of `RUN --mount=type=cache` contents. */
  readonly cacheDirectory: string
  readonly secrets: ReadonlyMap<string, Uint8Array>
  readonly ssh: ForwardedAgents
  readonly git: GitSession
  /** The build's context. */
  readonly context: FileSource
  /** Told each layer that a step made, e.g. to derive its digest meanwhile. */
  readonly onLayer: (layer: SnapshotName) => void
}
