import { isDeepStrictEqual } from 'node:util'
import type { ChainID, DiffID, Digest, SnapshotName } from '@tsbuild/spec'
import type { BootStamp, BootStamps } from '../database/boot-stamps.js'
import type { Database, Transaction } from '../database/database.js'
import { jsonRows } from '../database/rows.js'

/** What is known of the layer that a committed snapshot holds. */
export interface LayerRecord {
  /** Digest and size in bytes of its uncompressed tar, once that was derived. */
  readonly diffId?: DiffID
  readonly sizeBytes?: number
  /** Sum of its files' sizes, and number of its entries. */
  readonly bytes: number
  readonly entries: number
  /** Milliseconds since the epoch. */
  readonly createdAt: number
}

/** A repository that has, or had, a blob. */
export interface BlobSource {
  readonly registry: string
  readonly repository: string
}

/** One form in which a layer's tar was sent or received. Its file may be gone. */
export interface KnownBlob {
  readonly mediaType: string
  readonly digest: Digest
  /** Bytes of the blob. */
  readonly size: number
  readonly annotations?: Readonly<Record<string, string>>
  readonly sources: readonly BlobSource[]
}

/** A layer of an image whose times were cut: the image knows it by another diffID than that of the snapshot's own tar. */
export interface RewrittenLayer {
  readonly snapshot: SnapshotName
  /** Bytes of the tar as the image has it. */
  readonly size: number
  /** The latest time in it, in seconds since the epoch; `null` where nothing was cut. */
  readonly maxMtime: number | null
  /** Whether a base image brought it. */
  readonly fromBase: boolean
}

/** What is known of layers: which snapshot holds which, and in which forms they travel. Reads are synchronous.
 *
 * Snapshots whose files may not have survived a power cut are not answered. */
export interface LayerTables {
  get(name: SnapshotName): LayerRecord | undefined
  /** Adds or replaces; `diffId` and `sizeBytes` that are known already stay when `record` has none. */
  set(name: SnapshotName, record: LayerRecord): Promise<void>
  /** Forgets the snapshot, and all chains and cut images that it is in. */
  remove(name: SnapshotName): Promise<void>
  list(): Iterable<{ readonly name: SnapshotName; readonly record: LayerRecord }>
  /** Snapshots of a stack of layers, lowest first. */
  chain(chainId: ChainID): readonly SnapshotName[] | undefined
  setChain(chainId: ChainID, layers: readonly SnapshotName[]): Promise<void>
  /** The layers of an image whose times were cut, lowest first. */
  rewritten(chainId: ChainID): readonly RewrittenLayer[] | undefined
  /** Writes nothing where that is known already. */
  setRewritten(chainId: ChainID, layers: readonly RewrittenLayer[]): Promise<void>
  /** Known forms of a layer, newest first. */
  blobs(diffId: DiffID): readonly KnownBlob[]
  /** Adds a form; sources are merged with those of the same digest. */
  addBlob(diffId: DiffID, blob: KnownBlob): Promise<void>
  removeBlob(diffId: DiffID, digest: Digest): Promise<void>
}

export const layerRows = jsonRows<LayerRecord & { readonly stamp: BootStamp }>('layers')
export const chainRows = jsonRows<{ readonly layers: readonly SnapshotName[]; readonly at: number }>('chains')
export const blobRows = jsonRows<{ readonly blobs: readonly KnownBlob[]; readonly at: number }>('layer-blobs')

interface RewrittenRow {
  readonly layers: readonly RewrittenLayer[]
  /** Not in rows that were written before format 1 had it. */
  readonly at?: number
}

/** Called as it was when it was a table of another package. */
export const rewrittenRows = jsonRows<RewrittenRow>('t.rewritten-chains')

export function createLayerTables(db: Database, stamps: BootStamps, onSaved: () => void): LayerTables {
  const get = (name: SnapshotName) => {
    const row = layerRows.get(db, name)
    return row !== undefined && stamps.isSafe(row.stamp) ? withoutStamp(row) : undefined
  }
  return {
    get,
    async set(name, record) {
      await db.update((tx) => {
        const { diffId, sizeBytes } = layerRows.get(tx, name) ?? {}
        const known = { ...(diffId === undefined ? {} : { diffId }), ...(sizeBytes === undefined ? {} : { sizeBytes }) }
        layerRows.put(tx, name, { ...known, ...record, stamp: stamps.stamp(tx) })
      })
      onSaved()
    },
    remove: (name) => db.update((tx) => forgetSnapshots(tx, new Set([name]))),
    *list() {
      for (const { key, value } of layerRows.entries(db)) {
        if (stamps.isSafe(value.stamp)) yield { name: key as SnapshotName, record: withoutStamp(value) }
      }
    },
    chain(chainId) {
      const layers = chainRows.get(db, chainId)?.layers
      return layers?.every((name) => get(name) !== undefined) ? layers : undefined
    },
    setChain: (chainId, layers) => db.update((tx) => chainRows.put(tx, chainId, { layers, at: Date.now() })),
    rewritten(chainId) {
      const layers = rewrittenRows.get(db, chainId)?.layers
      return layers?.every(({ snapshot }) => get(snapshot) !== undefined) ? layers : undefined
    },
    async setRewritten(chainId, layers) {
      if (isDeepStrictEqual(rewrittenRows.get(db, chainId)?.layers, layers)) return
      await db.update((tx) => rewrittenRows.put(tx, chainId, { layers, at: Date.now() }))
    },
    blobs: (diffId) => blobRows.get(db, diffId)?.blobs ?? [],
    addBlob: (diffId, blob) =>
      db.update((tx) => {
        const blobs = blobRows.get(tx, diffId)?.blobs ?? []
        const same = blobs.find(({ digest }) => digest === blob.digest)
        const merged = { ...blob, sources: mergeSources(blob.sources, same?.sources ?? []) }
        blobRows.put(tx, diffId, { blobs: [merged, ...blobs.filter((other) => other !== same)], at: Date.now() })
      }),
    removeBlob: (diffId, digest) =>
      db.update((tx) => {
        const row = blobRows.get(tx, diffId)
        if (row !== undefined)
          blobRows.put(tx, diffId, { ...row, blobs: row.blobs.filter((blob) => blob.digest !== digest) })
      }),
  }
}

/** Forgets snapshots, and the chains and cut images that they are in, as a part of `tx`. */
export function forgetSnapshots(tx: Transaction, names: ReadonlySet<SnapshotName>): void {
  for (const name of names) layerRows.remove(tx, name)
  for (const { key, value } of chainRows.entries(tx)) {
    if (value.layers.some((name) => names.has(name))) chainRows.remove(tx, key)
  }
  for (const { key, value } of rewrittenRows.entries(tx)) {
    if (value.layers.some(({ snapshot }) => names.has(snapshot))) rewrittenRows.remove(tx, key)
  }
}

function withoutStamp({ stamp: _, ...record }: LayerRecord & { readonly stamp: BootStamp }): LayerRecord {
  return record
}

function mergeSources(newer: readonly BlobSource[], older: readonly BlobSource[]): BlobSource[] {
  const known = new Map([...newer, ...older].map((source) => [`${source.registry}/${source.repository}`, source]))
  return [...known.values()].slice(0, 16)
}
