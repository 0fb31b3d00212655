import type { CallOptions, Digest, Metadata, Mount, NamedInput, OnProgress, Snapshotter } from '@tsbuild/spec'
import type { HttpSession } from './http-session.js'
import type { Listings } from './listings.js'
import type { CopyRequest } from './request.js'

export interface FileEngineOptions {
  readonly metadata: Metadata
  /** Shows the chains that files come from. */
  readonly snapshotter: Pick<Snapshotter, 'view'>
  /** Folder for downloads; made when it is needed. */
  readonly downloads: string
  /** Folder for what selections hold, path by path; made when it is needed. */
  readonly listings: string
  /** Where the worker entry files lie, for bundled programs. */
  readonly workerDir?: string
}

/** What a selection of files is, for a cache key. */
export interface CopyDigest {
  /** Covers names, types, modes, link targets, contents, xattrs that reach the layer, and for chains owners; no times, no host paths. */
  readonly digest: Digest
  /** One input for each source, named as it is written, e.g. `COPY package.json`. */
  readonly inputs: readonly NamedInput[]
  readonly files: number
  readonly bytes: number
}

export interface CopyOptions extends CallOptions {
  /** Digest that the copied files must have. */
  readonly expected: Digest
  readonly onProgress?: OnProgress
}

export interface MakeDirectoryOptions extends CallOptions {
  /** Owner of what is created, `user[:group]`; names are looked up in the image. Default: 0:0. */
  readonly user?: string
  /** Permission bits. Default 0o755. */
  readonly mode?: number
  /** Seconds since the epoch for what is created. */
  readonly modifiedTime?: number
}

export interface DigestOptions extends CallOptions {
  /** Keep what is selected, path by path, for explanations. Default: only where a chain is read for the first time. */
  readonly list?: boolean
  /** What is believed of a chain without reading its files: all that is known; what was found out here, not what comes from elsewhere; or
   * nothing. Default: `all`. */
  readonly believe?: 'all' | 'own' | 'nothing'
}

/** COPY, ADD and WORKDIR: what they put into a cache key, and what they do to a snapshot. All work happens in worker threads. */
export interface FileEngine extends AsyncDisposable {
  readonly listings: Listings
  /** Starts the downloads of a build, whose secrets may have credentials for hosts. */
  openHttp(secrets: ReadonlyMap<string, Uint8Array>): HttpSession
  /** Starts a thread ahead of need, e.g. while a Dockerfile is parsed. */
  warm(): void
  /** Reads what a request selects, as little of it as needed: a context file whose stat is as remembered is not read again, and a
   * chain that was asked before is not mounted.
   * @throws {CoreError} `COPY_SOURCE_NOT_FOUND`, `COPY_INVALID`, `CONTEXT_UNREADABLE`, `DOWNLOAD_FAILED`, `CHECKSUM_MISMATCH`,
   * `GIT_URL_INVALID` */
  digest(request: CopyRequest, options?: DigestOptions): Promise<CopyDigest>
  /** Copies into a mounted snapshot, and hashes what it writes. After a failure the snapshot is of no use.
   * @throws {CoreError} `CONTEXT_CHANGED` when that is not what was expected; those of `digest`; `USER_NOT_FOUND`, `ARCHIVE_INVALID` */
  copy(
    target: Mount,
    request: CopyRequest,
    options: CopyOptions,
  ): Promise<{ readonly files: number; readonly bytes: number }>
  /** Makes a directory and its missing parents; links on the way are followed inside the snapshot.
   * @throws {CoreError} `COPY_INVALID` where something else is in the way, `USER_NOT_FOUND` */
  makeDirectory(target: Mount, path: string, options?: MakeDirectoryOptions): Promise<{ readonly created: boolean }>
  /** @throws {CoreError} `USER_NOT_FOUND` */
  lookUpUser(
    target: Mount,
    user: string,
    options?: CallOptions,
  ): Promise<{ readonly uid: number; readonly gid: number }>
}
