import type { S3CacheOptions } from '@tsbuild/remote-cache'
import type { CacheBackend, Digest } from '@tsbuild/spec'
import type { LayerCompression } from './output.js'

/** A cache in an S3-compatible object store; keys as BuildKit's `type=s3` has them. */
export interface S3CachePlace extends S3CacheOptions {
  readonly type: 's3'
}

/** A cache of one's own kind. It is not closed at a build's end. */
export interface CustomCachePlace {
  readonly type: 'custom'
  readonly backend: CacheBackend
}

/** Where a build looks for steps that its root has no record of. Nothing is fetched but the record, until files are needed. */
export type CacheSource =
  /** A cache manifest, or an image with an inline cache. */
  | { readonly type: 'registry'; readonly ref: string }
  /** An OCI image layout that an export wrote. */
  | { readonly type: 'local'; readonly src: string; readonly tag?: string; readonly digest?: Digest }
  | S3CachePlace
  | CustomCachePlace

/** Of which steps layers are sent. */
export interface CacheExportOptions extends LayerCompression {
  /** `min` (default): the layers of the image that is built; of all other steps only their keys, which is enough to take the image's
   * steps from the cache. `max`: the layers of all steps. */
  readonly mode?: 'min' | 'max'
  /** A failure fails the build. Default: it gives a warning. */
  readonly required?: boolean
}

/** Where a build's cache is sent when the build is done. */
export type CacheTarget =
  | ({ readonly type: 'registry'; readonly ref: string } & CacheExportOptions)
  | ({ readonly type: 'local'; readonly dest: string; readonly tag?: string } & CacheExportOptions)
  | (S3CachePlace & CacheExportOptions)
  | (CustomCachePlace & CacheExportOptions)
  /** Into the image itself, in `min` mode; it travels with the image to wherever that is pushed. */
  | { readonly type: 'inline' }

/** What travels of `RUN --mount=type=cache` folders. */
export interface CacheMountTravel {
  /** Bytes of a folder's files that are sent at most, the most recently used ones. Default 1 GiB. */
  readonly maxBytes?: number
}

/** What became of one export. */
export interface CacheExport {
  /** Type and place. */
  readonly title: string
  /** Layers that were not there. */
  readonly sentBlobs: number
  /** Sum of their blobs' sizes. */
  readonly sentBytes: number
  /** Layers that it names in all. */
  readonly layers: number
  readonly durationMs: number
}
