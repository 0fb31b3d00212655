import type { Readable, Writable } from 'node:stream'
import type { CallOptions, Digest } from '@tsbuild/spec'

export interface CommitOptions extends CallOptions {
  /** Name of the image; `latest` without a tag. Default: it has none. */
  readonly name?: string
  /** Who made it: in the config and in the history's line. */
  readonly author?: string
  /** Comment of the history's line. */
  readonly message?: string
  /** Instructions of a Dockerfile for the config, e.g. `CMD ["/bin/sh"]`. */
  readonly changes?: readonly string[]
  /** Stops the processes of a container that runs while its files are copied. Default true. */
  readonly pause?: boolean
}

export interface CommittedImage {
  /** Full name, when it was given one. */
  readonly name?: string
  /** Digest of its config. */
  readonly id: Digest
  /** Of the manifest. */
  readonly digest: Digest
}

/** A path that a container has changed. A directory in which something changed has changed, too. */
export interface ContainerChange {
  readonly kind: 'added' | 'changed' | 'deleted'
  /** Absolute, in the container. */
  readonly path: string
}

export interface CopyFilesOptions extends CallOptions {
  /** Keep owners; otherwise files belong to root in the container, and on the host to who runs this. Default false. */
  readonly archive?: boolean
  /** Where the source itself is a link: copy what it leads to. Default false. */
  readonly followLink?: boolean
}

/** What was copied: bytes of the tar that went over. */
export interface CopiedFiles {
  readonly bytes: number
}

/** A path of the host, or a tar. */
export type FilesSource = string | Readable
export type FilesDestination = string | Writable
