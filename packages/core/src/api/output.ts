import type { Writable } from 'node:stream'

/** An OCI annotation of an image that is built. */
export interface Annotation {
  readonly key: string
  readonly value: string
  /** What carries it: the manifest (default), its descriptor in an index, the index of several platforms' images, or the index's
   * descriptor in the `index.json` of an OCI layout. */
  readonly on?: 'manifest' | 'manifest-descriptor' | 'index' | 'index-descriptor'
  /** For this platform's image only, `os/arch[/variant]`; not for an index. */
  readonly platform?: string
}

/** What an output says of times, over what the build says. */
export interface OutputTimes {
  /** Seconds since the epoch. Default: the build's, which with `null` is the image's time, but not that of its files. */
  readonly sourceDateEpoch?: number | null
  /** Write no time later than the epoch into the layers. Default: the build's. */
  readonly rewriteTimestamp?: boolean
}

/** What an output's image has besides what was built. */
export interface ImageVariant extends OutputTimes {
  /** Besides the build's; one with the same key, place and platform replaces it. */
  readonly annotations?: readonly Annotation[]
  /** Whose media types manifest, config and layers have. Default `oci`; `docker` has no annotations. */
  readonly mediaTypes?: 'oci' | 'docker'
}

/** How layers leave. */
export interface LayerCompression {
  /** Default `gzip`. */
  readonly compression?: 'gzip' | 'zstd' | 'uncompressed'
  /** gzip 0–9 (default 6), zstd 0–22 (default 3). */
  readonly compressionLevel?: number
  /** Compress the base image's layers, too, where they came with another compression. Default: they leave as they came. */
  readonly forceCompression?: boolean
}

/** Where a build's result goes. */
export type Output =
  /** Into the local image store under `names` (default: the build's `tags`); `push` sends it to the names' registries, too. Only what
   * is pushed is compressed. */
  | ({ readonly type: 'image'; readonly names?: readonly string[]; readonly push?: boolean } & ImageVariant &
      LayerCompression)
  /** An OCI image layout, as a tar (default) or a directory. */
  | ({
      readonly type: 'oci'
      readonly dest: string | Writable
      readonly tar?: boolean
      readonly names?: readonly string[]
    } & ImageVariant &
      LayerCompression)
  /** What `docker load` and `podman load` read. */
  | ({ readonly type: 'docker'; readonly dest: string | Writable; readonly names?: readonly string[] } & OutputTimes)
  | ({ readonly type: 'registry'; readonly names?: readonly string[] } & ImageVariant & LayerCompression)
  /** The files of the result, in a directory; of several platforms in one below it for each, e.g. `linux_amd64`. */
  | { readonly type: 'local'; readonly dest: string }
  /** The files of the result, as one tar. With a `sourceDateEpoch` no time in it is later. */
  | { readonly type: 'tar'; readonly dest: string | Writable; readonly sourceDateEpoch?: number | null }
  /** Nowhere: the cache has it, and `cacheTo` may send it. */
  | { readonly type: 'cacheonly' }
