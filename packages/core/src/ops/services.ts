import type { CallOptions, KeyLocks, Runtime, SnapshotName, Snapshotter } from '@tsbuild/spec'
import type { LayerTables } from '@tsbuild/store'
import type { CacheMounts } from '../cache/cache-mounts.js'
import type { LazyLayers } from '../cache/transfer/lazy-layers.js'
import type { UseLog } from '../cache/use-log.js'
import type { FileEngine, FileSource, HttpSession, SelectionDigests } from '../files/index.js'
import type { GitSession } from '../git/index.js'
import type { ImageLayers } from '../images/image-layers.js'
import type { ForwardedAgents } from '../ssh/forwarded-agents.js'
import type { LayerHold } from './layer-hold.js'

/** What ops use of the engine and of the build that they belong to. Members that are dear to open are functions:
 * a build that only hits never calls them. */
export interface OpServices {
  readonly snapshotter: Snapshotter
  readonly tables: LayerTables
  readonly locks: KeyLocks
  readonly files: FileEngine
  readonly images: ImageLayers
  /** Keeps the layers that builds use. */
  readonly hold: LayerHold
  /** Layers that are known and not here: who needs files of a chain asks for them here. */
  readonly lazy: LazyLayers
  /** What files of results are, by what an import says; notes what the build asks. */
  readonly digests: SelectionDigests
  readonly runtime: () => Promise<Runtime>
  /** Where workers lie, for those that a step starts itself. */
  readonly workers: { readonly workerDir?: string }
  /** Called by a step that must run: where RUNs follow it, they will have to run, too, so the runtime may start meanwhile. */
  readonly warmRuntime: () => void
  /** Awaited before the first snapshot is made: cleans up after dead sessions, once. */
  readonly beforeWrite: () => Promise<void>
  /** Awaited before a layer is made: removes some of the cache where the disk is nearly full. */
  readonly ensureRoom: () => Promise<void>
  /** Why a command may have failed that printed this: the disk is full. */
  readonly fullDisk: (output: string) => Promise<Error | undefined>
  /** Folder of `RUN --mount=type=cache` contents. */
  readonly cacheDirectory: string
  readonly cacheMounts: CacheMounts
  readonly useLog: UseLog
  /** Fills the folder of a cache mount that is used for the first time, where an import has it. */
  readonly bringCacheMount: (folder: string, options: CallOptions) => Promise<void>
  readonly secrets: ReadonlyMap<string, Uint8Array>
  readonly ssh: ForwardedAgents
  readonly git: GitSession
  readonly http: HttpSession
  /** The build's context. */
  readonly context: FileSource
  /** Told each layer that a step made, e.g. to derive its digest meanwhile. */
  readonly onLayer: (layer: SnapshotName) => void
}
