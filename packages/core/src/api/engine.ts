import type { BuildOptions, BuildResult } from './build.js'
import type { Images } from './images.js'
import type { RegistryAccess } from './registry.js'

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
}

/** An open root folder: builds, images, and what they share. Held with `await using`; closing twice is harmless.
 *
 * `const engine = await openEngine()` → `await engine.build({ context: '.', tags: ['app'] })` → `engine.images.history('app')`. */
export interface Engine extends AsyncDisposable {
  readonly root: string
  readonly images: Images
  /** Builds a Dockerfile. Rejects with {@link BuildError} when a step fails, with `signal.reason` when it is cancelled. */
  build(options: BuildOptions): Promise<BuildResult>
  /** Which rungs this machine reaches, and what is missing for a higher one. */
  info(): Promise<EngineInfo>
}

export interface EngineInfo {
  readonly root: string
  readonly snapshotter: { readonly kind: 'overlay' | 'native'; readonly missing?: string }
  readonly runtime: { readonly kind: string; readonly missing?: string }
}
