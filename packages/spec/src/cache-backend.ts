import type { ByteStream, CallOptions, OnProgress } from './call-options.js'
import type { Digest } from './digest.js'
import type { Descriptor } from './image.js'

export interface PutCacheBlobOptions extends CallOptions {
  readonly onProgress?: OnProgress
  /** Repositories of registries that are known to have the blob; a backend in the same registry need not be sent it. */
  readonly sources?: readonly { readonly registry: string; readonly repository: string }[]
  /** What is there is damaged: write it anew, where that is possible (a registry keeps what has the digest). */
  readonly replace?: boolean
}

/** A place outside of this machine (or in a folder) that a build's cache is kept in: blobs by digest, and one record that says what
 * they are. It knows nothing of what the record says.
 *
 * Export: `has` for all blobs at once → `put` for those that are missing → `putRecord`. Import: `getRecord` → `get` for a layer when
 * its files are needed, maybe never.
 *
 * Every call may run beside others, and with a `signal` that aborts it rejects with the signal's reason. Every implementation passes
 * `cacheBackendConformance()`. */
export interface CacheBackend extends AsyncDisposable {
  /** Type and place as warnings name them, without credentials: `registry localhost:5000/app:cache`. */
  readonly title: string
  /** Which of these blobs are there, asked for in batches and side by side. An export counts on them from then on: a backend that drops
   *  what nobody uses keeps them a while. */
  has(digests: readonly Digest[], options?: CallOptions): Promise<ReadonlySet<Digest>>
  /** The blob's bytes as they lie there: who reads them checks digest and size.
   *  @throws {RemoteCacheError} `CACHE_BLOB_NOT_FOUND`, `CACHE_UNREACHABLE`, `CACHE_DENIED` */
  get(descriptor: Descriptor, options?: CallOptions): ByteStream
  /** Takes a blob in, whole or not at all; nothing happens where it is there. `open(offset)` gives its bytes from `offset` on and may
   *  be called again after an interruption.
   *  @throws {RemoteCacheError} `CACHE_INVALID` where the bytes are not the descriptor's, `CACHE_UNREACHABLE`, `CACHE_DENIED`,
   *  `CACHE_FULL`; errors of the stream pass through */
  put(descriptor: Descriptor, open: (offset: number) => ByteStream, options?: PutCacheBlobOptions): Promise<void>
  /** The record that was put last; `undefined` where there is none. Its integrity is checked.
   *  @throws {RemoteCacheError} `CACHE_INVALID` when it is damaged, `CACHE_UNREACHABLE`, `CACHE_DENIED` */
  getRecord(options?: CallOptions): Promise<Uint8Array | undefined>
  /** Replaces the record, at once: whoever reads sees the old one or the new one.
   *  @param blobs all that the record names; they are there already. A backend may drop others.
   *  @throws {RemoteCacheError} `CACHE_UNREACHABLE`, `CACHE_DENIED`, `CACHE_FULL` */
  putRecord(record: Uint8Array, blobs: readonly Descriptor[], options?: CallOptions): Promise<void>
}
