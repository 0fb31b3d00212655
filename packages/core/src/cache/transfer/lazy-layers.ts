import { setMaxListeners } from 'node:events'
import { limiter } from '@tsbuild/exporter'
import { InputGoneError } from '@tsbuild/solver'
import type { ByteStream, CallOptions, ContentStore, Digest, KeyLocks, SnapshotName, Snapshotter } from '@tsbuild/spec'
import type { LayerTables, Store } from '@tsbuild/store'
import type { ImageLayers } from '../../images/image-layers.js'
import type { ResolvedImage } from '../../images/resolve-image.js'
import type { LayerHold } from '../../ops/layer-hold.js'
import { fetchLayer } from './fetch-layer.js'
import { LazyImage } from './lazy-image.js'
import { type LazyLayer, type LazyLayerInfo, PromisedLayers } from './promised-layers.js'
import { readChecked } from './read-blob.js'
import { waitFor } from './wait-for.js'

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
  readonly #frozen: boolean
  readonly #promised: PromisedLayers
  readonly #images = new Map<string, LazyImage>()
  readonly #imageLayers = new Map<SnapshotName, { readonly image: LazyImage; readonly index: number }>()
  readonly #stop = new AbortController()
  readonly #signal: AbortSignal
  readonly #free = limiter(layersAtOnce)
  /** Layers that are being fetched. */
  readonly #fetches = new Map<SnapshotName, Promise<void>>()

  constructor(services: LazyServices, { signal, warn, frozen = false }: LazyOptions) {
    this.#services = services
    this.#frozen = frozen
    this.#promised = new PromisedLayers(warn)
    this.#signal = signal === undefined ? this.#stop.signal : AbortSignal.any([this.#stop.signal, signal])
    // Each layer that is waited for listens to it.
    setMaxListeners(0, this.#signal)
  }

  add(layer: LazyLayer): void {
    this.#promised.add(layer)
  }

  /** Whether a layer may be had from elsewhere. */
  promises(name: SnapshotName): boolean {
    return this.#promised.isPromised(name)
  }

  /** Blobs that were found to be damaged where they are. */
  get damaged(): ReadonlySet<Digest> {
    return this.#promised.damaged
  }

  /** Promises no more those of these layers whose files are nowhere; tells whether there were any. */
  giveUp(layers: readonly SnapshotName[]): boolean {
    const lost = layers.filter((name) => this.isKeyOnly(name))
    this.#promised.giveUp(lost)
    return lost.length > 0
  }

  /** Whether nothing of a layer can be had but that its step is known. */
  isKeyOnly(name: SnapshotName): boolean {
    return this.promises(name) && this.#isNowhere(name)
  }

  /** Stands for the layers of an image that are not here. `undefined` where nothing was imported: then the steps on it run anyhow;
   * and where they only have to be put together. */
  image(image: ResolvedImage): readonly SnapshotName[] | undefined {
    if (this.#promised.isEmpty) return undefined
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

  /** How a layer can be had that is not here; `undefined` for one that is, and for one that can't be had. What stands for a base image's
   * layer never is a layer here: `present` tells that one's name. */
  info(name: SnapshotName): LazyLayerInfo | undefined {
    const part = this.#imageLayers.get(name)
    if (part !== undefined) return part.image.info(part.index)
    return this.#isHere(name) ? undefined : this.#promised.info(name)
  }

  /** Asks that each of these layers is here or can be had.
   * @throws {InputGoneError} */
  mustHave(layers: readonly SnapshotName[]): void {
    const lost = layers.filter((name) => this.#isNowhere(name))
    if (lost.length > 0) throw this.#promised.giveUp(lost)
  }

  /** The names of these layers, lowest first, once the files of all are here.
   * @throws {InputGoneError} when that can't be; the error of the registry for a base image's */
  async present(layers: readonly SnapshotName[], options: PresentOptions = {}): Promise<readonly SnapshotName[]> {
    const isLazy = (name: SnapshotName) => this.#promised.get(name) !== undefined || this.#imageLayers.has(name)
    if (!layers.some(isLazy)) return layers
    this.mustHave(layers)
    if (this.#frozen && layers.some((name) => this.info(name) !== undefined))
      throw new InputGoneError('Cannot read a result: it is not here')
    const here = await this.#presentImages(layers, options)
    const fetching = () => here.flatMap((name) => this.#fetches.get(name) ?? [])
    // Others' first: who holds locks waits for nobody.
    for (let others = fetching(); others.length > 0; others = fetching())
      await waitFor(Promise.allSettled(others), options.signal)
    const missing = here.filter((name) => this.#promised.get(name) !== undefined && !this.#isHere(name))
    if (missing.length > 0) await waitFor(this.#fetchAll(missing, here, options), options.signal)
    this.#signal.throwIfAborted()
    this.mustHave(missing)
    return here
  }

  /** The bytes of the blob that `info` names, checked against its digest.
   * @throws {InputGoneError} when nobody has it whole */
  async *read(name: SnapshotName, options: CallOptions & { readonly offset?: number } = {}): ByteStream {
    const part = this.#imageLayers.get(name)
    if (part !== undefined) return yield* part.image.read(part.index, this.#services, options)
    const [first, ...more] = this.#promised.places(name)
    for (const place of first === undefined ? [] : [first, ...more]) {
      if (place.blob.digest !== first?.blob.digest) continue
      let begun = false
      try {
        for await (const chunk of readChecked(place, options)) {
          begun = true
          yield chunk
        }
        return
      } catch (error) {
        options.signal?.throwIfAborted()
        this.#promised.failed(name, place, error)
        if (begun) break
      }
    }
    throw new InputGoneError('Cannot read an imported layer: no cache has it as it should be')
  }

  /** Ends what is being fetched. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the build is over'))
    await Promise.allSettled([...this.#fetches.values(), ...[...this.#images.values()].map((image) => image.settled())])
  }

  async #presentImages(layers: readonly SnapshotName[], options: PresentOptions): Promise<readonly SnapshotName[]> {
    const images = new Set(layers.flatMap((name) => this.#imageLayers.get(name)?.image ?? []))
    const call = { ...options, signal: this.#signal }
    for (const image of images) await waitFor(image.unpack(this.#services, call), options.signal)
    return layers.map((name) => {
      const part = this.#imageLayers.get(name)
      return part === undefined ? name : (part.image.here?.[part.index] ?? name)
    })
  }

  /** Fetches layers of one chain, which nobody else of this build fetches now. Never rejects: what is not here then is lost. */
  #fetchAll(missing: readonly SnapshotName[], chain: readonly SnapshotName[], options: PresentOptions): Promise<void> {
    const all = this.#fetchLocked(missing, chain, options).catch(() => {})
    for (const name of missing) this.#fetches.set(name, all)
    return all.finally(() => {
      for (const name of missing) this.#fetches.delete(name)
    })
  }

  async #fetchLocked(
    missing: readonly SnapshotName[],
    chain: readonly SnapshotName[],
    options: PresentOptions,
  ): Promise<void> {
    const { locks, hold, beforeWrite } = this.#services
    const held: AsyncDisposable[] = []
    try {
      await beforeWrite()
      await hold.hold([], missing)
      // In one order for all, since two chains may have the same layers the other way round.
      for (const name of [...new Set(missing)].sort())
        held.push(await locks.acquire(`layer ${name}`, { signal: this.#signal }))
      await this.#fetchInOrder([...new Set(missing)], chain, options)
    } finally {
      for (const lock of held) await lock[Symbol.asyncDispose]()
    }
  }

  async #fetchInOrder(
    missing: readonly SnapshotName[],
    chain: readonly SnapshotName[],
    options: PresentOptions,
  ): Promise<void> {
    const pending: Promise<boolean>[] = []
    for (const name of missing) {
      const lower = chain.slice(0, chain.indexOf(name))
      const below = Promise.all([...pending]).then((done) => {
        if (done.includes(false)) throw new InputGoneError('Cannot unpack a layer: one below it can not be had')
        return lower
      })
      below.catch(() => {})
      const call = { ...options, below, signal: this.#signal }
      // In the order of the chain, so those below come first.
      pending.push(this.#free(() => this.#fetchOne(name, call)))
    }
    await Promise.all(pending)
  }

  async #fetchOne(name: SnapshotName, options: Parameters<typeof fetchLayer>[3]): Promise<boolean> {
    const layer = this.#promised.get(name)
    if (layer === undefined) return false
    for (const place of this.#promised.places(name)) {
      try {
        await fetchLayer(layer, place, this.#services, options)
        return true
      } catch (error) {
        if (this.#signal.aborted) return false
        // It is no fault of this place.
        if (error instanceof InputGoneError) break
        this.#promised.failed(name, place, error)
      }
    }
    this.#promised.giveUp([name])
    return false
  }

  /** It is no layer here, and can't be had, either. */
  #isNowhere(name: SnapshotName): boolean {
    return this.#promised.get(name) !== undefined && !this.#isHere(name) && this.#promised.places(name).length === 0
  }

  /** With its row: without one it was left by somebody who was killed, or is just being looked at. */
  #isHere(name: SnapshotName): boolean {
    return this.#services.snapshotter.has(name) && this.#services.tables.get(name) !== undefined
  }
}
