import type { ByteStream } from './call-options.js'
import type { Digest } from './digest.js'
import type { Descriptor } from './image.js'

/** The blobs that repositories have. A blob is kept once, however many of them have it. */
export interface RepositoryBlobs {
  /** Size in bytes; `undefined` where the repository does not have the blob. */
  stat(repository: string, digest: Digest): Promise<number | undefined>
  /** The bytes of a blob that `stat` knew, from `offset` on. A piece is good until the next one is asked for.
   *  @throws {TsbuildError} `BLOB_NOT_FOUND` when it was removed meanwhile */
  read(digest: Digest, size: number, options?: { readonly offset?: number }): ByteStream
  /** Gives the repository a blob that `from` has (default: any repository). Tells whether there was one. */
  mount(repository: string, digest: Digest, from?: string): Promise<boolean>
  /** Takes the blob from this repository only. Tells whether it was there. */
  remove(repository: string, digest: Digest): Promise<boolean>
}

/** An upload that is being continued. Disposing it keeps what came so far. */
export interface BlobUpload extends AsyncDisposable {
  /** Bytes that are there. Those of `write` count when `settle` has resolved. */
  readonly offset: number
  /** Appends a piece; resolves when another one may come. */
  write(chunk: Uint8Array): Promise<void>
  /** Resolves when all that was written is in the file. @throws {TsbuildError} `STORE_FULL`, and the upload is gone */
  settle(): Promise<void>
  /** Verifies, makes the blob visible and gives it to the repository; the upload is gone then.
   *  @throws {TsbuildError} `BLOB_DIGEST_MISMATCH`, `STORE_FULL`; the upload is gone, too */
  commit(digest: Digest): Promise<void>
}

/** Uploads that were begun and not finished. They survive a `kill -9` of the process that began them; while it lives, they are
 * unknown in other processes. */
export interface BlobUploads {
  /** Starts an upload and returns its id: 32 hex digits. */
  begin(repository: string): Promise<string>
  /** Takes an upload up; `undefined` where the repository has no such upload. One at a time for each upload. */
  open(repository: string, id: string): Promise<BlobUpload | undefined>
  /** Bytes that came so far. */
  offset(repository: string, id: string): Promise<number | undefined>
  /** Throws an upload away; tells whether there was one. */
  cancel(repository: string, id: string): Promise<boolean>
  /** Throws uploads away that got no byte for `idleMs`, but for those of other living processes; tells how many. */
  sweep(idleMs: number): Promise<number>
}

/** A manifest as a repository has it. */
export interface RepositoryManifest {
  readonly digest: Digest
  /** As it was pushed. */
  readonly mediaType: string
  /** Bytes. */
  readonly size: number
}

/** A manifest to put, with what it names. */
export interface ManifestPut {
  readonly bytes: Uint8Array
  readonly mediaType: string
  readonly tag?: string
  /** What must be in the repository as blobs, and with these sizes. */
  readonly blobs: readonly Pick<Descriptor, 'digest' | 'size'>[]
  /** What must be in the repository as manifests or as blobs. */
  readonly manifests: readonly Pick<Descriptor, 'digest'>[]
  /** Lists the manifest among the referrers of `subject`, which need not exist. */
  readonly referrer?: { readonly subject: string; readonly descriptor: Omit<Descriptor, 'digest' | 'size'> }
}

export type ManifestPutResult =
  | { readonly digest: Digest }
  /** What it names and the repository does not have, or has with another size; nothing was put. */
  | { readonly missing: readonly Digest[]; readonly resized: readonly Digest[] }

/** The manifests and tags of repositories. Changes are atomic. */
export interface RepositoryManifests {
  /** By tag or digest. */
  find(repository: string, reference: string): RepositoryManifest | undefined
  /** The bytes of a manifest that `find` knew; `undefined` when it is gone. */
  read(manifest: RepositoryManifest): Uint8Array | undefined
  put(repository: string, put: ManifestPut): Promise<ManifestPutResult>
  /** Takes a manifest away, with the tags that lead to it. Tells whether it was there. */
  remove(repository: string, digest: Digest): Promise<boolean>
  /** Takes a tag away, not its manifest. Tells whether it was there. */
  removeTag(repository: string, tag: string): Promise<boolean>
}

/** Lists in the order of their bytes, each from behind `after` on; whoever iterates may stop early. */
export interface RepositoryListings {
  /** Repositories that have a manifest. */
  repositories(after?: string): Iterable<string>
  /** `undefined` for a repository without any manifest. */
  tags(repository: string, after?: string): Iterable<string> | undefined
  /** Manifests whose `subject` has this digest, in the order of their own digests. */
  referrers(repository: string, subject: string, after?: string): Iterable<Descriptor>
}

/** What a registry server keeps. Repository names, tags and ids of uploads are checked by the caller. */
export interface RepositoryStore {
  readonly blobs: RepositoryBlobs
  readonly uploads: BlobUploads
  readonly manifests: RepositoryManifests
  readonly listings: RepositoryListings
}
