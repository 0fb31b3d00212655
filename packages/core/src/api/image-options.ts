import type { Readable, Writable } from 'node:stream'
import type { Digest } from '@tsbuild/spec'
import type { PullState } from './transfer.js'

/** Which images are meant; every member that is given must be met. */
export interface ImageFilter {
  /** `true`: only images without a name; `false`: only those with one. */
  readonly dangling?: boolean
  /** Names with wildcards, of which one must match: with a tag the whole name, without one the repository. A `*` does not match `/`. */
  readonly references?: readonly string[]
  /** `key` or `key=value`, all of which the image must have. */
  readonly labels?: readonly string[]
  /** `key` or `key=value`, none of which the image may have. */
  readonly notLabels?: readonly string[]
  /** Name or id of an image: only images made before it. */
  readonly before?: string
  /** Name or id of an image: only images made after it. */
  readonly since?: string
  /** Milliseconds since the epoch: only images made before then. */
  readonly until?: number
}

export interface ImageListOptions {
  /** Also images without a name that others were built on. Default false. */
  readonly all?: boolean
  readonly filter?: ImageFilter
}

/** The directories of an image's layers. */
export interface GraphDriver {
  readonly name: 'overlay' | 'native'
  /** Absolute paths, topmost first. Those of `overlay` can be mounted as they are. */
  readonly layers: readonly string[]
}

export interface RemoveImageOptions {
  /** Remove an image that has several names, or that a container was made of. One that runs keeps its image, without a name. */
  readonly force?: boolean
}

/** What a removal did. */
export interface RemovedImage {
  /** Names that are gone, as Docker shows them. */
  readonly untagged: readonly string[]
  /** The image's id, then the chainIDs of the layers that nothing else had, topmost first. Empty while the image has other names. */
  readonly deleted: readonly Digest[]
  readonly reclaimedBytes: number
}

export interface PruneImagesOptions {
  /** Every image that no container was made of. Default: only images without a name. */
  readonly all?: boolean
  readonly filter?: Pick<ImageFilter, 'until' | 'labels' | 'notLabels'>
  readonly signal?: AbortSignal
}

/** How a saved image is written: as one tar that `docker load` reads, or as an OCI image layout in a tar or a directory. */
export type ArchiveFormat = 'docker-archive' | 'oci-archive' | 'oci-dir'

/** What happens while images are written or read. */
export type ArchiveEvent =
  /** Bytes read of the archive; `total` when it is a file. */
  | { readonly kind: 'read'; readonly bytes: number; readonly total?: number; readonly done?: boolean }
  /** A layer on its way out, by its digest. */
  | {
      readonly kind: 'written'
      readonly digest: Digest
      readonly bytes: number
      readonly total?: number
      readonly done: boolean
    }
  /** An image that is brought in begins. */
  | { readonly kind: 'image'; readonly names: readonly string[]; readonly id: Digest }
  /** What becomes of one of its layers; `digest` is that of the blob. */
  | {
      readonly kind: 'layer'
      readonly digest: Digest
      readonly state: PullState
      readonly bytes?: number
      readonly total?: number
    }

export interface SaveOptions {
  /** Default `docker-archive`. */
  readonly format?: ArchiveFormat
  /** Of the tar as a whole. Default `none`. */
  readonly compression?: 'none' | 'gzip' | 'zstd'
  readonly signal?: AbortSignal
  readonly onEvent?: (event: ArchiveEvent) => void
}

export interface LoadOptions {
  /** Which image to take where the archive has an index of several, `os/arch[/variant]`. Default: this machine's. */
  readonly platform?: string
  readonly signal?: AbortSignal
  readonly onEvent?: (event: ArchiveEvent) => void
}

/** An image that an archive brought. */
export interface LoadedImage {
  /** Names that lead to it now, as Docker shows them; none where the archive had none. */
  readonly names: readonly string[]
  readonly id: Digest
  /** Of the manifest. */
  readonly digest: Digest
  /** Images that lost their name to it. */
  readonly renamed: readonly { readonly name: string; readonly id: Digest }[]
}

export interface ImportOptions {
  readonly name?: string
  /** Instructions of a Dockerfile for the config, e.g. `CMD ["/bin/sh"]`. */
  readonly changes?: readonly string[]
  /** Comment of the history's line. Default: `Imported from` and the source. */
  readonly message?: string
  /** What the files are for, `os/arch[/variant]`. Default: this machine's. */
  readonly platform?: string
  readonly signal?: AbortSignal
  readonly onEvent?: (event: ArchiveEvent) => void
}

export interface ImportedImage {
  /** Full name, when it was given one. */
  readonly name?: string
  readonly id: Digest
  readonly digest: Digest
}

/** A file's path, or a stream of an archive. */
export type ArchiveSource = string | Readable
/** A file's path, or a stream that is left open; of `oci-dir` a directory's path. */
export type ArchiveDestination = string | Writable
