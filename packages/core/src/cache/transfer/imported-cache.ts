import type { ImportedRecords } from '@tsbuild/solver'
import type { CacheBackend, CacheRecord, Descriptor, DiffID, Digest, SnapshotName } from '@tsbuild/spec'
import type { BlobSource, LayerTables } from '@tsbuild/store'
import { CoreError } from '../../errors.js'
import type { SelectionDigest, SelectionDigests } from '../../files/index.js'
import type { CacheDocument } from './cache-document.js'
import type { LazyLayers } from './lazy-layers.js'

/** Where a document came from. */
export interface DocumentOrigin {
  readonly backend: CacheBackend
  readonly source?: BlobSource | undefined
  /** Of an inline cache: the image's layers. */
  readonly blobs?: ReadonlyMap<DiffID, Descriptor> | undefined
}

/** What the imports of one build say, taken together, and what the build asked for on its way. */
export class ImportedCache implements ImportedRecords, SelectionDigests {
  readonly #lazy: LazyLayers
  readonly #tables: LayerTables
  readonly #records = new Map<Digest, CacheRecord[]>()
  readonly #steps = new Map<string, CacheRecord[]>()
  readonly #digests = new Map<string, SelectionDigest>()
  readonly #used = new Map<string, SelectionDigest>()

  constructor(lazy: LazyLayers, tables: LayerTables) {
    this.#lazy = lazy
    this.#tables = tables
  }

  /** The digests that the build has asked for. */
  get used(): ReadonlyMap<string, SelectionDigest> {
    return this.#used
  }

  /** @throws {CoreError} `CACHE_INVALID` when it contradicts what is known here; nothing of it is taken then */
  add(document: CacheDocument, origin: DocumentOrigin): void {
    for (const { name, diffId } of document.layers) this.#checkLayer(name, diffId)
    const layers = new Map(document.layers.map((layer) => [layer.name as string, layer]))
    const images = new Map<string, CacheRecord>()
    for (const record of document.records) {
      put(this.#records, record.key, record)
      put(this.#steps, withoutProject(record.step), record)
      if (record.kind === 'image') images.set(record.resultId, record)
    }
    const byLayer = new Map<string, CacheRecord[]>()
    for (const record of document.records) {
      if (record.kind === 'image') continue
      // With the first step on an image comes what says that this is its base.
      for (const base of record.madeOn.flatMap((id) => images.get(id) ?? [])) put(byLayer, record.resultId, base)
      put(byLayer, record.resultId, record)
    }
    for (const [name, records] of byLayer) this.#addLayer(name as SnapshotName, records, layers.get(name), origin)
    for (const [key, digest] of document.digests) this.#digests.set(key, digest)
  }

  lookup(key: Digest): readonly CacheRecord[] {
    return this.#records.get(key) ?? []
  }

  nearest(step: string): readonly CacheRecord[] {
    return this.#steps.get(withoutProject(step)) ?? []
  }

  find(key: string): SelectionDigest | undefined {
    return this.#digests.get(key)
  }

  note(key: string, digest: SelectionDigest): void {
    this.#used.set(key, digest)
  }

  #addLayer(
    name: SnapshotName,
    records: readonly CacheRecord[],
    layer: CacheDocument['layers'][number] | undefined,
    { backend, source, blobs }: DocumentOrigin,
  ): void {
    const blob = layer === undefined ? undefined : (layer.blob ?? blobs?.get(layer.diffId))
    const places = blob === undefined ? [] : [{ backend, blob, source }]
    const { diffId = '' as DiffID, size = 0, createdAt = 0 } = layer ?? {}
    this.#lazy.add({ name, diffId, size, createdAt, places, records })
  }

  /** A layer of that name that is here has these very bytes. */
  #checkLayer(name: SnapshotName, diffId: DiffID): void {
    const known = this.#tables.get(name)
    if (known !== undefined && known.diffId !== diffId)
      throw new CoreError(
        'CACHE_INVALID',
        `Cannot read a cache: it says that layer "${name}" is ${diffId}, and it is not`,
      )
  }
}

/** A step's name begins with that of its project, which is a folder's, and differs from machine to machine. */
function withoutProject(step: string): string {
  return step.slice(step.indexOf(' ') + 1)
}

function put<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
