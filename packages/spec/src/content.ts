import type { ByteStream, CallOptions } from './call-options.js'
import type { Digest } from './digest.js'
import type { Descriptor } from './image.js'

/** Gives the bytes of blobs. */
export interface ContentProvider {
  /** The blob as a stream from `offset` (bytes) on. Bytes on disk are trusted (verified when they came in); a derived blob is verified as it is made.
   *  @throws {TsbuildError} `BLOB_NOT_FOUND`, `SNAPSHOT_CHANGED` */
  read(descriptor: Descriptor, options?: CallOptions & { readonly offset?: number }): ByteStream
}

/** Takes blobs in. */
export interface ContentIngester {
  /** Whether the blob is there, as one file; cheap. */
  hasBlob(digest: Digest): boolean
  /** Takes a blob in: verified for size and digest, visible only when whole; nothing happens where it is there already.
   *  A partial write left by an earlier attempt of the same digest is *not* continued here: see `ContentStore.openIngest`.
   *  @throws {StoreError} `BLOB_DIGEST_MISMATCH`, `BLOB_SIZE_MISMATCH`, `STORE_FULL` */
  writeBlob(
    descriptor: Pick<Descriptor, 'digest' | 'size'>,
    data: ByteStream | Uint8Array,
    options?: CallOptions,
  ): Promise<void>
  /** Takes in a blob whose digest is known only at its end, e.g. one that is being compressed.
   *  @throws {StoreError} `STORE_FULL`; the stream's own error */
  receiveBlob(data: ByteStream, options?: CallOptions): Promise<{ readonly digest: Digest; readonly size: number }>
}

/** A blob that is being received; held with `await using`, thrown away unless committed. */
export interface Ingest extends AsyncDisposable {
  /** Bytes already there from an earlier attempt, maybe of another process (resume from here). */
  readonly offset: number
  write(chunk: Uint8Array): Promise<void>
  /** Verifies, syncs and makes it visible. @throws {StoreError} `BLOB_DIGEST_MISMATCH`, `BLOB_SIZE_MISMATCH` */
  commit(): Promise<void>
}

/** The blobs of a root folder, as the `blobs/` of an OCI image layout. */
export interface ContentStore extends ContentProvider, ContentIngester {
  /** Path of the OCI image layout. */
  readonly directory: string
  openIngest(descriptor: Pick<Descriptor, 'digest' | 'size'>): Promise<Ingest>
  /** A small blob (manifest, config) at once; `undefined` when it is not there. Synchronous: these are a few KB.
   *  @throws {StoreError} `BLOB_CORRUPT` when its digest is not its name's */
  readSmall(digest: Digest): Uint8Array | undefined
  blobPath(digest: Digest): string
  removeBlob(digest: Digest): Promise<void>
  listBlobs(): AsyncIterable<{ readonly digest: Digest; readonly size: number }>
}
