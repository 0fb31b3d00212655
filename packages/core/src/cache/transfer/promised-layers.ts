import { InputGoneError } from '@tsbuild/solver'
import type { CacheBackend, CacheRecord, Descriptor, DiffID, Digest, SnapshotName } from '@tsbuild/spec'
import type { BlobSource } from '@tsbuild/store'

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
  /** Repositories that have that form. */
  readonly sources: readonly BlobSource[]
}

/** What the imports of one build promise, and which promises were not kept. */
export class PromisedLayers {
  readonly #layers = new Map<SnapshotName, LazyLayer>()
  readonly #broken = new Set<SnapshotName>()
  readonly #badPlaces = new Set<LayerPlace>()
  readonly #damaged = new Set<Digest>()
  readonly #warn: (message: string) => void

  /** @param warn told once of each layer that can't be had though a cache should have it */
  constructor(warn: (message: string) => void) {
    this.#warn = warn
  }

  get isEmpty(): boolean {
    return this.#layers.size === 0
  }

  /** Blobs that are not what they should be, in some place; to write one anew that is well only costs time. */
  get damaged(): ReadonlySet<Digest> {
    return this.#damaged
  }

  add(layer: LazyLayer): void {
    const known = this.#layers.get(layer.name)
    const places = [...(known?.places ?? []), ...layer.places]
    this.#layers.set(layer.name, { ...(known === undefined || known.places.length === 0 ? layer : known), places })
  }

  get(name: SnapshotName): LazyLayer | undefined {
    return this.#layers.get(name)
  }

  isPromised(name: SnapshotName): boolean {
    return this.#layers.has(name) && !this.#broken.has(name)
  }

  /** Those that have not failed. */
  places(name: SnapshotName): LayerPlace[] {
    if (this.#broken.has(name)) return []
    return this.#layers.get(name)?.places.filter((place) => !this.#badPlaces.has(place)) ?? []
  }

  /** How a layer can be had now; of several forms the first. */
  info(name: SnapshotName): LazyLayerInfo | undefined {
    const layer = this.#layers.get(name)
    const [first, ...more] = this.places(name)
    if (layer === undefined || first === undefined) return undefined
    const same = [first, ...more].filter(({ blob }) => blob.digest === first.blob.digest)
    const { diffId, size, createdAt } = layer
    return { diffId, size, createdAt, blob: first.blob, sources: same.flatMap(({ source }) => source ?? []) }
  }

  /** A place did not give the layer. Once none is left, the layer is not promised any more. */
  failed(name: SnapshotName, place: LayerPlace, error: unknown): void {
    this.#badPlaces.add(place)
    if (!isUnreachable(error)) this.#damaged.add(place.blob.digest)
    if (this.#broken.has(name) || this.places(name).length > 0) return
    this.#broken.add(name)
    const step = this.#layers.get(name)?.records.at(-1)?.name ?? name
    this.#warn(`Cannot use the imported cache of step "${step}": ${error instanceof Error ? error.message : error}`)
  }

  /** These are not promised any more.
   * @returns what lets the solver make them instead */
  giveUp(names: readonly SnapshotName[]): InputGoneError {
    for (const name of names) this.#broken.add(name)
    return new InputGoneError(`Cannot use an imported result: the files of ${names.length} layers can't be had`)
  }
}

/** The place itself had nothing to give; of what it has nothing is known. */
function isUnreachable(error: unknown): boolean {
  return (
    error instanceof Error && error.name === 'RemoteCacheError' && 'code' in error && error.code !== 'CACHE_INVALID'
  )
}
