import { type ImportedRecords, isKeyOnly } from '@tsbuild/solver'
import type { CacheBackend, CacheRecord, Descriptor, DiffID, Digest, SnapshotName } from '@tsbuild/spec'
import type { BlobSource, LayerTables } from '@tsbuild/store'
import { CoreError } from '../../errors.js'
import type { SelectionDigest, SelectionDigests } from '../../files/index.js'
import { pauses } from '../../frontend/pauses.js'
import type { CacheDocument, ExportedLayer } from './cache-document.js'
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
  readonly #warn: (message: string) => void
  readonly #records = new Map<Digest, CacheRecord[]>()
  readonly #steps = new Map<string, CacheRecord[]>()
  readonly #digests = new Map<string, SelectionDigest>()
  readonly #used = new Map<string, SelectionDigest>()

  /** @param warn told of each selection of files that is not what an import says */
  constructor(lazy: LazyLayers, tables: LayerTables, warn: (message: string) => void) {
    this.#lazy = lazy
    this.#tables = tables
    this.#warn = warn
  }

  /** The digests that the build has asked for. */
  get used(): ReadonlyMap<string, SelectionDigest> {
    return this.#used
  }

  /** Takes what a cache says; of several the first one counts. Others have their turn in between.
   * @throws {CoreError} `CACHE_INVALID` when it contradicts what is known here; nothing of it is taken then */
  async add({ records, layers, digests }: CacheDocument, origin: DocumentOrigin): Promise<void> {
    const pause = pauses()
    const byName = new Map<string, ExportedLayer>()
    for (const layer of layers) {
      this.#checkLayer(layer.name, layer.diffId)
      byName.set(layer.name, layer)
      await pause()
    }
    const images = new Map<string, CacheRecord>()
    for (const record of records) {
      this.#putRecord(record)
      put(this.#steps, withoutProject(record.step), record)
      if (record.kind === 'image') images.set(record.resultId, record)
      await pause()
    }
    const byLayer = new Map<string, CacheRecord[]>()
    for (const record of records) {
      if (record.kind === 'image') continue
      // With the first step on an image comes what says that this is its base.
      for (const base of record.madeOn.flatMap((id) => images.get(id) ?? [])) put(byLayer, record.resultId, base)
      put(byLayer, record.resultId, record)
      await pause()
    }
    for (const [name, records] of byLayer) {
      this.#addLayer(name as SnapshotName, records, byName.get(name), origin)
      await pause()
    }
    for (const [key, digest] of digests) {
      if (!this.#digests.has(key)) this.#digests.set(key, digest)
      await pause()
    }
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

  disprove(key: string, { id, path }: { readonly id: string; readonly path: string }): void {
    if (!this.#digests.delete(key)) return
    const step = this.#nameOf(id)
    const where = step === undefined ? 'a result' : `step "${step}"`
    this.#warn(
      `Cannot use what an imported cache says of "${path}" of ${where}: its files are others, and were read here`,
    )
  }

  #nameOf(resultId: string): string | undefined {
    for (const records of this.#records.values()) {
      const record = records.find((one) => one.resultId === resultId)
      if (record !== undefined) return record.name ?? record.kind
    }
    return undefined
  }

  /** Of one result, one that tells only its key makes place for one that tells more. */
  #putRecord(record: CacheRecord): void {
    const known = this.#records.get(record.key) ?? []
    const keyOnly = known.findIndex((one) => one.resultId === record.resultId && isKeyOnly(one))
    if (keyOnly < 0) put(this.#records, record.key, record)
    else known[keyOnly] = record
  }

  #addLayer(
    name: SnapshotName,
    records: readonly CacheRecord[],
    layer: ExportedLayer | undefined,
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
