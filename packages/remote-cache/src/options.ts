import type {
  ByteStream,
  CallOptions,
  Descriptor,
  Digest,
  ImageManifest,
  OnProgress,
  Platform,
  Reference,
} from '@tsbuild/spec'

export interface LocalCacheOptions {
  /** Path of an OCI image layout; made by the first export. */
  readonly directory: string
  /** The name in `index.json` that the record has. Default `latest`. */
  readonly tag?: string
  /** Read the record of this manifest, whatever the tag names. Such a cache can't be written to. */
  readonly digest?: Digest
}

/** What a registry client must be able to do; `RegistryClient` of @tsbuild/registry is one. Its errors are told apart by their codes. */
export interface CacheRegistryClient {
  hasBlob(reference: Reference, descriptor: Pick<Descriptor, 'digest'>, options?: CallOptions): Promise<boolean>
  fetchManifest(
    reference: Reference,
    options?: CallOptions,
  ): Promise<{ readonly descriptor: Descriptor; readonly bytes: Uint8Array }>
  pullBlob(reference: Reference, descriptor: Descriptor, sink: CacheBlobSink, options?: CallOptions): Promise<void>
  pushBlob(
    reference: Reference,
    descriptor: Descriptor,
    open: (offset: number) => ByteStream,
    options?: CallOptions & { readonly mountFrom?: readonly string[]; readonly onProgress?: OnProgress },
  ): Promise<unknown>
  pushManifest(reference: Reference, bytes: Uint8Array, mediaType: string, options?: CallOptions): Promise<Digest>
}

/** Takes the bytes of a blob as they come. */
export interface CacheBlobSink {
  openIngest(descriptor: Pick<Descriptor, 'digest' | 'size'>): Promise<CacheBlobIngest>
}

export interface CacheBlobIngest extends AsyncDisposable {
  readonly offset: number
  write(chunk: Uint8Array): Promise<void>
  commit(): Promise<void>
}

export interface RegistryCacheOptions {
  /** Stays the caller's: closing the cache does not close it. */
  readonly client: CacheRegistryClient
  /** The name of the cache manifest, or of an image with an inline cache. With a digest the cache can't be written to. */
  readonly reference: Reference
}

export interface InlineCacheOptions extends CallOptions {
  /** Whose image an index is followed to. Default: this machine's. */
  readonly platform?: Platform
}

/** The record of an image that carries its own cache, and what it may speak of. */
export interface InlineCache {
  /** The image config's member `inlineCacheMember`, as canonical JSON. */
  readonly record: Uint8Array
  /** Of the image's manifest. */
  readonly descriptor: Descriptor
  /** With the layers in order, lowest first; as many as `diffIds`. `get` gives their bytes. */
  readonly manifest: ImageManifest
  /** `rootfs.diff_ids` of the image's config. */
  readonly diffIds: readonly Digest[]
}

export interface S3CacheOptions {
  readonly bucket: string
  /** Default: as AWS programs find it (`AWS_REGION`, the profile). S3-compatible servers mostly take any: `us-east-1`. */
  readonly region?: string
  /** `http(s)://host[:port]` of an S3-compatible server. Default: AWS. */
  readonly endpointUrl?: string
  /** Before every key. Default none. */
  readonly prefix?: string
  /** After `prefix`, before the digests of blobs. Default `blobs/`. */
  readonly blobsPrefix?: string
  /** After `prefix`, before the names of records. Default `manifests/`. */
  readonly manifestsPrefix?: string
  /** The record is written under all of them and read from the first. Default `tsbuild`. */
  readonly names?: readonly string[]
  /** Put the bucket into the path of the URL rather than into the host, as most S3-compatible servers want it. Default false. */
  readonly usePathStyle?: boolean
  /** Without keys, credentials are found as AWS programs find them: environment, profiles, web identity, container, instance. */
  readonly accessKeyId?: string
  readonly secretAccessKey?: string
  readonly sessionToken?: string
  /** A blob that an export uses again is written anew, on the server, when it is older than this many milliseconds, so that lifecycle
   * rules that expire by age spare it. Default 24 h; 0 never. */
  readonly touchRefreshMs?: number
  /** Attempts of a request until it fails. Default 3. */
  readonly attempts?: number
}
