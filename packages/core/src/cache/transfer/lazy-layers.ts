import { setMaxListeners } from 'node:events'
import { limiter } from '@tsbuild/exporter'
import { InputGoneError } from '@tsbuild/solver'
import type {
  ByteStream,
  CacheBackend,
  CacheRecord,
  CallOptions,
  ContentStore,
  Descriptor,
  DiffID,
  KeyLocks,
  SnapshotName,
  Snapshotter,
} from '@tsbuild/spec'
import type { BlobSource, LayerTables, Store } from '@tsbuild/store'
import type { ImageLayers } from '../../images/image-layers.js'
import type { ResolvedImage } from '../../images/resolve-image.js'
import type { LayerHold } from '../../ops/layer-hold.js'
import { fetchLayer } from './fetch-layer.js'
import { LazyImage } from './lazy-image.js'
import { readAnywhere } from './read-blob.js'
import { waitFor } from './wait-for.js'

/** A place that has a layer. */
export interface LayerPlace {
  readonly backend: CacheBackend
  readonly blob: Descriptor
  /** The repository, where it is a registry. */
  readonly source?: BlobSource | undefined
}

/** A layer that an import promises. */
export interface LazyLayer {
  /** The same as where it was made. */
  readonly name: SnapshotName
  readonly diffId: DiffID
  /** Bytes of its uncompressed tar. */
  readonly size: number
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  /** None: only the step's key is known, which is enough for steps that don't need its files. */
  readonly places: readonly LayerPlace[]
  /** The records of the step that made it, and of the image that this step stands on. */
  readonly records: readonly CacheRecord[]
}

/** What an image needs to know of a layer whose files are elsewhere. */
export interface LazyLayerInfo {
  readonly diffId: DiffID
  /** Bytes of its uncompressed tar; 0 where a base image does not tell. */
  readonly size: number
  /** Milliseconds since the epoch; absent for a base image's. */
  readonly createdAt?: number
  /** The form in which it can be had. */
  readonly blob: Descriptor
  /** Repositories that have it. */
  readonly sources: readonly BlobSource[]
}

export interface LazyServices {
  readonly content: ContentStore
  readonly snapshotter: Snapshotter
  readonly tables: LayerTables
  readonly store: Pick<Store, 'cache'>
  readonly locks: KeyLocks
  readonly hold: LayerHold
  readonly images: ImageLayers
  readonly beforeWrite: () => Promise<void>
}

export interface LazyOptions {
  readonly signal?: AbortSignal | undefined
  /** Told once of each layer that can't be had. */
  readonly warn: (message: string) => void
  /** Fetch nothing: what is not here can't be had now, and stays promised. */
  readonly frozen?: boolean
}

export interface PresentOptions extends CallOptions {
  readonly onProgress?: (item: string, bytes: number, total?: number, done?: boolean) => void
}

/** Layers that are fetched side by side. */
const layersAtOnce = 4

/** The layers that one build knows and has not: those of imported caches, and those of base images, which then need not be here, either.
 *
 * `promises` while the solver looks for results → `present` by whoever needs files: fetches what is missing, verified, once. What can't be
 * had is not promised again, and {@link InputGoneError} lets the solver run the steps instead. */
export class LazyLayers implements AsyncDisposable {
  readonly #services: LazyServices
  readonly #warn: (message: string) => void
  readonly #frozen: boolean
  readonly #stop = new AbortController()
  readonly #signal: AbortSignal
  readonly #layers = new Map<SnapshotName, LazyLayer>()
  readonly #images = new Map<string, LazyImage>()
  readonly #imageLayers = new Map<SnapshotName, { readonly image: LazyImage; readonly index: number }>()
  readonly #unusable = new Set<SnapshotName>()
  readonly #free = limiter(layersAtOnce)
  readonly #fetches = new Map<SnapshotName, Promise<void>>()

  constructor(services: LazyServices, { signal, warn, frozen = false }: LazyOptions) {
    this.#services = services
    this.#warn = warn
    this.#frozen = frozen
    this.#signal = signal === undefined ? this.#stop.signal : AbortSignal.any([this.#stop.signal, signal])
    // Each layer that is waited for listens to it.
    setMaxListeners(0, this.#signal)
  }

  add(layer: LazyLayer): void {
    const known = this.#layers.get(layer.name)
    const places = [...(known?.places ?? []), ...layer.places]
    this.#layers.set(layer.name, { ...(known === undefined || known.places.length === 0 ? layer : known), places })
  }

  promises(name: SnapshotName): boolean {
    return this.#layers.has(name) && !this.#unusable.has(name)
  }

  /** Promises no more those of these layers whose files are nowhere; tells whether there were any. */
  giveUp(layers: readonly SnapshotName[]): boolean {
    const lost = layers.filter((name) => this.promises(name) && !this.#isHere(name) && this.#isNowhere(name))
    for (const name of lost) this.#unusable.add(name)
    return lost.length > 0
  }

  /** Stands for the layers of an image that are not here. `undefined` where nothing was imported: then the steps on it run anyhow;
   * and where they only have to be put together. */
  image(image: ResolvedImage): readonly SnapshotName[] | undefined {
    if (this.#layers.size === 0) return undefined
    // Made here from what is here, and in no registry.
    if (this.#services.images.snapshotsOf(image.config.rootfs.diff_ids) !== undefined) return undefined
    let known = this.#images.get(image.digest)
    if (known === undefined) {
      known = new LazyImage(image)
      this.#images.set(image.digest, known)
      for (const [index, name] of known.names.entries()) this.#imageLayers.set(name, { image: known, index })
    }
    return known.names
  }

  /** What is known of a layer that is not here; `undefined` for one that is. */
  info(name: SnapshotName): LazyLayerInfo | undefined {
    const part = this.#imageLayers.get(name)
    if (part !== undefined) return part.image.here === undefined ? part.image.info(part.index) : undefined
    const layer = this.#layers.get(name)
    const [place] = layer?.places ?? []
    if (layer === undefined || place === undefined || this.#isHere(name)) return undefined
    const { diffId, size, createdAt, places } = layer
    return { diffId, size, createdAt, blob: place.blob, sources: places.flatMap(({ source }) => source ?? []) }
  }

  /** The names of these layers, lowest first, once the files of all are here.
   * @throws {InputGoneError} when that can't be; the error of the registry for a base image's */
  async present(layers: readonly SnapshotName[], options: PresentOptions = {}): Promise<readonly SnapshotName[]> {
    if (!layers.some((name) => this.#layers.has(name) || this.#imageLayers.has(name))) return layers
    const missing = layers.filter((name) => this.#layers.has(name) && !this.#isHere(name))
    const lost = missing.filter((name) => this.#unusable.has(name) || this.#isNowhere(name))
    if (lost.length > 0) throw this.#gone(lost)
    const waiting = layers.some((name) => this.info(name) !== undefined)
    if (this.#frozen && waiting) throw new InputGoneError('Cannot read a result: it is not here')
    const here = await this.#presentImages(layers, options)
    const pending: Promise<void>[] = []
    for (const [index, name] of here.entries()) {
      const layer = missing.includes(name) ? this.#layers.get(name) : undefined
      if (layer === undefined) continue
      const below = Promise.all(pending).then(() => {
        const lost = here.slice(0, index).filter((lower) => this.#unusable.has(lower))
        if (lost.length > 0) throw this.#gone(lost)
        return here.slice(0, index)
      })
      below.catch(() => {})
      pending.push(this.#fetch(layer, below, options))
    }
    await Promise.allSettled(pending)
    options.signal?.throwIfAborted()
    this.#signal.throwIfAborted()
    const failed = missing.filter((name) => this.#unusable.has(name))
    if (failed.length > 0) throw this.#gone(failed)
    await Promise.all(pending)
    return here
  }

  /** The bytes of a blob of `info`, checked against its digest.
   * @throws {InputGoneError} when nobody has it whole */
  async *read(name: SnapshotName, options: CallOptions & { readonly offset?: number } = {}): ByteStream {
    const layer = this.#layers.get(name)
    const part = this.#imageLayers.get(name)
    if (part !== undefined) {
      await part.image.fetch(this.#services, options)
      yield* this.#services.content.read(part.image.info(part.index).blob, options)
    } else if (layer !== undefined) {
      try {
        yield* readAnywhere(layer.places, options)
      } catch (error) {
        options.signal?.throwIfAborted()
        this.#lose(layer, error)
        throw this.#gone([name])
      }
    }
  }

  /** Ends what is being fetched. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the build is over'))
    await Promise.allSettled([...this.#fetches.values(), ...[...this.#images.values()].map((image) => image.settled())])
  }

  async #presentImages(layers: readonly SnapshotName[], options: PresentOptions): Promise<readonly SnapshotName[]> {
    const images = new Set(layers.flatMap((name) => this.#imageLayers.get(name)?.image ?? []))
    const call = { ...options, signal: this.#signal }
    for (const image of images) await waitFor(image.fetch(this.#services, call), options.signal)
    return layers.map((name) => {
      const part = this.#imageLayers.get(name)
      return part === undefined ? name : (part.image.here?.[part.index] ?? name)
    })
  }

  #isNowhere(name: SnapshotName): boolean {
    return this.#layers.get(name)?.places.length === 0
  }

  #isHere(name: SnapshotName): boolean {
    return this.#services.snapshotter.has(name)
  }

  #fetch(layer: LazyLayer, below: Promise<readonly SnapshotName[]>, options: PresentOptions): Promise<void> {
    let fetch = this.#fetches.get(layer.name)
    if (fetch === undefined) {
      const call = { ...options, below, signal: this.#signal }
      // In the order of the chain, so those below come first.
      fetch = this.#free(() => fetchLayer(layer, this.#services, call)).catch((error) => {
        if (!this.#signal.aborted) this.#lose(layer, error)
      })
      this.#fetches.set(layer.name, fetch)
    }
    return waitFor(fetch, options.signal)
  }

  #lose(layer: LazyLayer, error: unknown): void {
    if (this.#unusable.has(layer.name)) return
    this.#unusable.add(layer.name)
    // One below it was lost, and has said why.
    if (error instanceof InputGoneError) return
    const step = layer.records.at(-1)?.name ?? layer.name
    this.#warn(`Cannot use the imported cache of step "${step}": ${error instanceof Error ? error.message : error}`)
  }

  #gone(names: readonly SnapshotName[]): InputGoneError {
    for (const name of names) this.#unusable.add(name)
    return new InputGoneError(`Cannot use an imported result: the files of ${names.length} layers can't be had`)
  }
}
