import type { BuildOptions, BuildResult, DockerfileOptions, DockerfileSource, Entitlement } from './build.js'
import type { Cache, GcPolicy } from './cache.js'
import type { Containers } from './containers.js'
import type { BuildReport, PlanOptions, PlanResult } from './explain.js'
import type { Images } from './images.js'
import type { CheckReport, CheckRootOptions } from './maintenance.js'
import type { Registries, RegistryAccess } from './registry.js'

/** How to open a root folder. */
export interface EngineOptions {
  /** Default: `$TSBUILD_ROOT`, else `/var/lib/tsbuild` for root, else `$XDG_DATA_HOME/tsbuild` (`~/.local/share/tsbuild`). */
  readonly root?: string
  /** `auto` takes overlay where it can be mounted on the root folder's file system, else `native`. Default `auto`. */
  readonly snapshotter?: 'auto' | 'overlay' | 'native'
  /** `native`, or `oci` (crun or runc on PATH), or the path of an OCI runtime. Default `native`. */
  readonly runtime?: string
  /** How the native runtime is reached: in a worker thread, or in a child process. `auto` takes the process above 500 MB resident. */
  readonly launcher?: 'auto' | 'thread' | 'process'
  /** Steps that run side by side. Default: 16, or the number of processors where there are more. */
  readonly concurrency?: number
  /** Where the worker entry files lie, for programs that are bundled into one file. */
  readonly workerDir?: string
  readonly registry?: RegistryAccess
  /** How much of the cache is kept; `false` keeps all. Default: member `gc` of the configuration file. */
  readonly gc?: GcPolicy | false
  /** What containers may ask for beyond the usual isolation; a build has its own list. */
  readonly entitlements?: readonly Entitlement[]
}

/** An open root folder: builds, images, and what they share. Held with `await using`; closing twice is harmless.
 *
 * `const engine = await openEngine()` → `await engine.build({ context: '.', tags: ['app'] })` → `engine.images.history('app')`. */
export interface Engine extends AsyncDisposable {
  readonly root: string
  readonly images: Images
  /** What builds have kept to be faster later. */
  readonly cache: Cache
  readonly containers: Containers
  /** Accounts with registries. */
  readonly registries: Registries
  /** Builds a Dockerfile. Rejects with {@link BuildError} when a step fails, with `signal.reason` when it is cancelled. */
  build(options: BuildOptions): Promise<BuildResult>
  /** Tells what `build` would do with each step, and what it would take: nothing is run or copied, and no layer is fetched. Base images
   * are resolved as a build resolves them. */
  plan(options: PlanOptions): Promise<PlanResult>
  /** What the last builds of this root did, by whatever process; newest first, 20 at most. */
  builds(): Promise<readonly BuildReport[]>
  /** Reads the Dockerfile that a build with these options would use, and what the context ignores; nothing is built. */
  dockerfile(options: DockerfileOptions): Promise<DockerfileSource>
  /** Compares blobs with their digests, and names, records, snapshots, containers and repositories with what they need. Builds may go on
   *  meanwhile. */
  check(options?: CheckRootOptions): Promise<CheckReport>
  /** Which rungs this machine reaches, and what is missing for a higher one. */
  info(): Promise<EngineInfo>
}

export interface EngineInfo {
  readonly root: string
  readonly snapshotter: { readonly kind: 'overlay' | 'native'; readonly missing?: string }
  readonly runtime: { readonly kind: string; readonly missing?: string }
}
