import type { ByteStream, CallOptions } from './call-options.js'
import type { DiffID } from './digest.js'
import type { Mount } from './mount.js'

declare const brand: unique symbol
/** Name of an active snapshot: 1–24 characters of `[a-z0-9-]`. */
export type SnapshotKey = string & { readonly [brand]: 'SnapshotKey' }
/** Name of a committed snapshot, that is of one layer: 1–24 characters of `[a-z0-9]`. */
export type SnapshotName = string & { readonly [brand]: 'SnapshotName' }

/** What a layer holds. `bytes` is the sum of the files' sizes (hard links once), `entries` counts the layer's entries, whiteouts included. */
export interface SnapshotUsage {
  readonly bytes: number
  readonly entries: number
}

/** What a layer's uncompressed tar is; `size` in bytes. */
export interface LayerInfo {
  readonly diffId: DiffID
  readonly size: number
}

/** A chain that can be looked at; the mount stays valid until it is disposed. */
export interface SnapshotView extends AsyncDisposable {
  readonly mount: Mount
}

export interface PackOptions extends CallOptions {
  /** Times later than this (seconds since the epoch) are written as this one: BuildKit's `rewrite-timestamp`. */
  readonly maxMtime?: number
}

export interface ApplyOptions extends CallOptions {
  /** The layers below, lowest first, when they are known: directories that the tar only implies take their owner and mode from there.
   *  A promise lets layers be unpacked side by side. */
  readonly below?: readonly SnapshotName[] | Promise<readonly SnapshotName[]>
}

/** Keeps layers as directories, and shows chains of them as one file system.
 *
 * A snapshot is born active, known by its `key`; `commit` makes it a committed one, known by its `name`, which holds exactly
 * the changes of one layer. Committed snapshots never change, have no parent pointer and may lie on many others: every call takes
 * the chain as a list, lowest layer first. What commit keeps is the canonical diff: an entry is a change only if type, mode, owner,
 * size, mtime, link target, device, xattrs or content differ from the view below; a replaced directory becomes explicit whiteouts.
 *
 * Walkthrough: `prepare(k, base)` → run something in the mount → `commit(n, k)` → `[...base, n]` is the new chain →
 * `derive(n)` tells its diffID → `pack(n)` streams its tar to a registry.
 *
 * Every implementation passes `snapshotterConformance()`. */
export interface Snapshotter extends AsyncDisposable {
  readonly kind: 'overlay' | 'native'
  /** Starts an active snapshot on `layers` (none: an empty directory of mode 0755, owner 0:0) and says how to mount it.
   *  @throws {SnapshotError} `SNAPSHOT_EXISTS`, `SNAPSHOT_NOT_FOUND` */
  prepare(key: SnapshotKey, layers: readonly SnapshotName[], options?: CallOptions): Promise<Mount>
  /** Shows a chain read-only.
   *  @throws {SnapshotError} `SNAPSHOT_NOT_FOUND` */
  view(layers: readonly SnapshotName[], options?: CallOptions): Promise<SnapshotView>
  /** Atomic: after a crash either `key` or `name` exists, never both. Nobody may have the mount any more.
   *  @throws {SnapshotError} `SNAPSHOT_EXISTS` (`key` is kept), `SNAPSHOT_NOT_FOUND` */
  commit(name: SnapshotName, key: SnapshotKey, options?: CallOptions): Promise<SnapshotUsage>
  /** Throws an active or committed snapshot away; nothing happens where there is none. */
  remove(keyOrName: SnapshotKey | SnapshotName): Promise<void>
  /** Whether a committed snapshot with this name is there. Synchronous and cheap (one stat): it is asked for each cache hit. */
  has(name: SnapshotName): boolean
  /** Names of all committed snapshots. */
  list(): Promise<SnapshotName[]>
  usage(name: SnapshotName, options?: CallOptions): Promise<SnapshotUsage>
  /** Unpacks a layer's uncompressed tar (OCI image spec, layer.md) as the committed snapshot `name`; all or nothing.
   *  No entry can touch anything outside, whatever its name or the links that came before it.
   *  @throws {SnapshotError} `SNAPSHOT_EXISTS`, `LAYER_INVALID`, or the stream's own error */
  apply(name: SnapshotName, tar: ByteStream, options?: ApplyOptions): Promise<LayerInfo & SnapshotUsage>
  /** Streams the layer of a committed snapshot as a deterministic tar; packing runs in a worker.
   *  @throws {SnapshotError} `SNAPSHOT_NOT_FOUND` */
  pack(name: SnapshotName, options?: PackOptions): ByteStream
  /** Digest and size of what `pack` would stream, without moving the bytes to this thread. */
  derive(name: SnapshotName, options?: PackOptions): Promise<LayerInfo>
  /** Streams a whole chain, merged, as a plain tar without whiteouts (`docker export`'s form). */
  packChain(layers: readonly SnapshotName[], options?: PackOptions): ByteStream
  /** Writes a whole chain, merged, into an existing directory of the host; owners, modes, times and xattrs included. */
  copyChain(layers: readonly SnapshotName[], directory: string, options?: CallOptions): Promise<SnapshotUsage>
}
