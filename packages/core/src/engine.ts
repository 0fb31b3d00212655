import { availableParallelism } from 'node:os'
import { createSolver } from '@tsbuild/solver'
import type { BuildOptions, BuildResult, Engine, EngineInfo, EngineOptions, Images } from './api.js'
import { runBuild } from './build/build.js'
import { type OpenParts, openParts } from './engine-open.js'
import { CoreError } from './errors.js'
import { ImageCatalog } from './images/images.js'
import type { LayerChain } from './ops/layers.js'

/** Opens a root folder; it is made when it is missing.
 *
 * ```ts
 * await using engine = await openEngine()
 * const result = await engine.build({ context: '.', tags: ['app'] })
 * ```
 * @throws {StoreError} `ROOT_UNUSABLE`, `ROOT_READ_ONLY`, `FORMAT_TOO_NEW`, `METADATA_FAILED` */
export async function openEngine(options: EngineOptions = {}): Promise<Engine> {
  const parts = await openParts(options)
  return new OpenEngine(parts, options.concurrency ?? defaultConcurrency())
}

/** Steps often wait for a network or a disk, and only a few of them keep a processor busy. */
function defaultConcurrency(): number {
  return Math.max(16, availableParallelism())
}

class OpenEngine implements Engine {
  readonly images: Images
  readonly #parts: OpenParts
  readonly #solver
  readonly #builds = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined

  constructor(parts: OpenParts, concurrency: number) {
    this.#parts = parts
    this.#solver = createSolver<LayerChain>({ cache: parts.store.cache, locks: parts.locks, concurrency })
    this.images = new ImageCatalog(parts)
  }

  get root(): string {
    return this.#parts.root
  }

  async build(options: BuildOptions): Promise<BuildResult> {
    if (this.#closing !== undefined) throw new CoreError('ENGINE_CLOSED', 'Cannot build: the engine was closed')
    const build = runBuild(this.#parts, this.#solver, options)
    this.#builds.add(build)
    try {
      return await build
    } finally {
      this.#builds.delete(build)
    }
  }

  async info(): Promise<EngineInfo> {
    return await this.#parts.info()
  }

  /** Waits for running builds; abort them first where that would take too long. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close()
    await this.#closing
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#builds)
    await this.#parts[Symbol.asyncDispose]()
  }
}
