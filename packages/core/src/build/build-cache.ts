import type { StepReport } from '@tsbuild/solver'
import type { OnBuildEvent, Platform } from '@tsbuild/spec'
import type { BuildOptions, CacheExport } from '../api.js'
import type { BuiltCache } from '../cache/transfer/export-caches.js'
import { ImportedCache } from '../cache/transfer/imported-cache.js'
import { LazyLayers } from '../cache/transfer/lazy-layers.js'
import { MountTravel } from '../cache/transfer/mount-travel.js'
import type { EngineParts } from '../engine-parts.js'
import type { LayerChain } from '../ops/layers.js'

export interface BuildCacheOptions {
  readonly platforms: readonly Platform[]
  readonly emit: OnBuildEvent
  readonly warn: (message: string) => void
  /** Only look: fetch no layer. */
  readonly frozen?: boolean
}

/** The caches besides the root that one build takes from and sends to. */
export class BuildCache implements AsyncDisposable {
  readonly lazy: LazyLayers
  readonly imported: ImportedCache
  /** Set where cache mounts travel. */
  readonly mounts: MountTravel | undefined
  readonly #parts: EngineParts
  readonly #options: Pick<BuildOptions, 'buildArgs' | 'cacheFrom' | 'cacheTo' | 'cacheMounts' | 'signal'>
  readonly #more: BuildCacheOptions
  /** Ends an import that nobody needs any more. */
  readonly #stop = new AbortController()
  #importing: Promise<AsyncDisposable> | undefined

  constructor(
    parts: EngineParts,
    options: Pick<BuildOptions, 'buildArgs' | 'cacheFrom' | 'cacheTo' | 'cacheMounts' | 'signal'>,
    more: BuildCacheOptions,
  ) {
    this.#parts = parts
    this.#options = options
    this.#more = more
    this.lazy = new LazyLayers(parts, { signal: options.signal, warn: more.warn, frozen: more.frozen === true })
    this.imported = new ImportedCache(this.lazy, parts.tables, more.warn)
    const { cacheMounts = false } = options
    const maxBytes = typeof cacheMounts === 'object' ? cacheMounts.maxBytes : undefined
    this.mounts = cacheMounts === false ? undefined : new MountTravel(parts, { maxBytes, warn: more.warn })
  }

  /** Begins to read what imports say. */
  begin(): void {
    const { cacheFrom: sources = [], signal: asked } = this.#options
    if (sources.length === 0) return
    const { emit, warn, platforms } = this.#more
    const signal = asked === undefined ? this.#stop.signal : AbortSignal.any([this.#stop.signal, asked])
    this.#importing = import('../cache/transfer/import-caches.js').then(({ importCaches }) =>
      importCaches(this.#parts, this, { sources, platforms, emit, warn, signal }),
    )
    this.#importing.catch(() => {})
  }

  /** Resolves when `imported` has all that could be read. */
  async ready(): Promise<void> {
    await this.#importing
  }

  /** What a build has made, as its caches have it.
   * @param results of the targets */
  built(steps: readonly StepReport<LayerChain>[], results: readonly LayerChain[]): BuiltCache {
    const { lazy, imported } = this
    return { steps, results, imported, lazy, argValues: Object.values(this.#options.buildArgs ?? {}) }
  }

  async export(built: BuiltCache): Promise<CacheExport[]> {
    const { cacheTo: targets = [], signal } = this.#options
    if (targets.length === 0) return []
    const { emit, warn } = this.#more
    const { mounts } = this
    const { exportCaches } = await import('../cache/transfer/export-caches.js')
    const call = signal === undefined ? {} : { signal }
    return await exportCaches(this.#parts, targets, {
      built,
      mounts,
      emit,
      warn,
      ...call,
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the build is over'))
    await this.lazy[Symbol.asyncDispose]()
    await (await this.#importing?.catch(() => undefined))?.[Symbol.asyncDispose]()
  }
}
