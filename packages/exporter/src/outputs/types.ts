import type {
  ByteStream,
  CallOptions,
  Compression,
  ContentProvider,
  Descriptor,
  DiffID,
  Digest,
  OnProgress,
  Reference,
} from '@tsbuild/spec'

/** Where an output finds the bytes of layers, and keeps compressed ones. */
export interface LayerSource extends ContentProvider {
  /** A blob of this layer with this compression whose bytes `read` can give; `undefined` when there is none yet. */
  findCompressed?(diffId: DiffID, compression: Exclude<Compression, 'none'>): Descriptor | undefined
  /** The blob in which a base image brought this layer, whose bytes `read` can give; it is passed on as it is unless `force` says
   * otherwise. */
  findOriginal?(
    diffId: DiffID,
  ): { readonly digest: Digest; readonly size: number; readonly compression: Compression } | undefined
  /** Keeps a blob that was just compressed, whose digest is known only at its end; `read` gives its bytes from then on. */
  ingestCompressed(data: ByteStream, options?: CallOptions): Promise<{ readonly digest: Digest; readonly size: number }>
  /** Remembers which blob a layer was compressed to, for `findCompressed`. */
  rememberCompressed?(diffId: DiffID, descriptor: Descriptor): void | Promise<void>
}

/** How layers leave. */
export interface CompressionOptions {
  /** Default `gzip`. */
  readonly compression?: Compression
  /** gzip 0–9 (default 6), zstd 0–22 (default 3, which 0 means, too). */
  readonly level?: number
  /** Compress the layers of a base image, too, where they came with another compression. Default false: they leave as they came. */
  readonly force?: boolean
}

/** Told about each blob on its way: `item` is its digest (the diffID while it is being compressed). */
export type OnBlobProgress = (item: Digest, bytes: number, total: number | undefined, done: boolean) => void

export interface OutputOptions extends CallOptions, CompressionOptions {
  readonly onProgress?: OnBlobProgress
}

/** The registry that an image is pushed to; `RegistryClient` of @tsbuild/registry is one. */
export interface ImagePusher {
  pushBlob(
    reference: Reference,
    descriptor: Descriptor,
    open: (offset: number) => ByteStream,
    options?: CallOptions & {
      readonly mountFrom?: readonly string[]
      readonly onMounted?: (repository: string) => void
      readonly onProgress?: OnProgress
    },
  ): Promise<'exists' | 'mounted' | 'pushed'>
  pushManifest(reference: Reference, bytes: Uint8Array, mediaType: string, options?: CallOptions): Promise<Digest>
}
