import { availableParallelism } from 'node:os'
import { createSolver } from '@tsbuild/solver'
import type {
  BuildOptions,
  BuildReport,
  BuildResult,
  Cache,
  CheckReport,
  CheckRootOptions,
  Containers,
  DockerfileOptions,
  DockerfileSource,
  Engine,
  EngineInfo,
  EngineOptions,
  GcPolicy,
  Images,
  PlanOptions,
  PlanResult,
  Registries,
} from './api.js'
import { runBuild } from './build/build.js'
import { findDockerfile } from './build/find-dockerfile.js'
import { CacheCatalog } from './cache/cache-catalog.js'
import { ContainerCatalog } from './containers/container-catalog.js'
import { type OpenParts, openParts } from './engine-open.js'
import { CoreError } from './errors.js'
import { BuildReports } from './explain/build-reports.js'
import { readGcPolicy } from './gc/read-gc-policy.js'
import { ImageCatalog } from './images/images.js'
import { lazy } from './lazy.js'
import type { LayerChain } from './ops/layers.js'
import { predictBuild } from './plan/plan-build.js'
import { openRegistries } from './registries/registries.js'

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
  readonly cache: Cache
  readonly containers: Containers
  readonly registries: Registries
  readonly #parts: OpenParts
  readonly #solver
  readonly #policy: () => Promise<GcPolicy | false>
  readonly #reports: BuildReports
  readonly #running = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined
  #collecting = false

  constructor(parts: OpenParts, concurrency: number) {
    this.#parts = parts
    this.#solver = createSolver<LayerChain>({ cache: parts.store.cache, locks: parts.locks, concurrency })
    this.#reports = new BuildReports(parts.store.metadata)
    this.images = new ImageCatalog(parts, (work) => this.#run(work))
    this.#policy = lazy(() => readGcPolicy(parts.options))
    this.cache = new CacheCatalog(parts, (work) => this.#run(work))
    this.containers = new ContainerCatalog(parts, this.images)
    this.registries = openRegistries(parts.options.registry)
  }

  get root(): string {
    return this.#parts.root
  }

  async build(options: BuildOptions): Promise<BuildResult> {
    const policy = await this.#policy()
    const work = () => this.#reports.watch(options, (all) => runBuild(this.#parts, this.#solver, all))
    const result = await this.#run(work)
    if (result.steps.some(({ cached }) => !cached)) this.#collect(policy)
    return result
  }

  async plan(options: PlanOptions): Promise<PlanResult> {
    return await this.#run(() => predictBuild(this.#parts, this.#solver, options))
  }

  async builds(): Promise<readonly BuildReport[]> {
    return await this.#run(() => this.#reports.list())
  }

  async dockerfile(options: DockerfileOptions): Promise<DockerfileSource> {
    return await this.#run(() => findDockerfile(this.#parts, options))
  }

  /** Keeps the cache small, behind a build; what goes wrong shows at the next prune. */
  #collect(policy: GcPolicy | false): void {
    if (this.#collecting || policy === false) return
    this.#collecting = true
    const collect = async () => {
      const { collectAfterBuild } = await import('./gc/collect-after-build.js')
      await collectAfterBuild(this.#parts, policy)
    }
    this.#run(collect)
      .catch(() => {})
      .finally(() => {
        this.#collecting = false
      })
  }

  /** Work that closing waits for. */
  async #run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw new CoreError('ENGINE_CLOSED', 'Cannot begin: the engine was closed')
    const running = work()
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
    }
  }

  async check(options: CheckRootOptions = {}): Promise<CheckReport> {
    const { checkRoot } = await import('./check-root.js')
    return await this.#run(() => checkRoot(this.#parts, options))
  }

  async info(): Promise<EngineInfo> {
    return await this.#parts.info()
  }

  /** Waits for running builds and transfers; abort them first where that would take too long. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close()
    await this.#closing
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#running)
    await this.#reports.settle()
    await this.#parts[Symbol.asyncDispose]()
  }
}
