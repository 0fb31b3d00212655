import type {
  ByteStream,
  CallOptions,
  Descriptor,
  Digest,
  ImageManifest,
  Ingest,
  OnProgress,
  Platform,
  Reference,
} from '@tsbuild/spec'

/** Who we are to a registry: a name and a password, or the identity token that `docker login` got. */
export type Credentials =
  | { readonly username: string; readonly password: string }
  | { readonly identityToken: string; readonly username?: string }

export interface RegistryClientOptions {
  /** Asked first, with the host as references have it (`docker.io`, `localhost:5000`), and only when the registry asks. */
  readonly credentials?: (registry: string) => Credentials | undefined | Promise<Credentials | undefined>
  /** Hosts (`host` or `host:port`) whose TLS certificate is not checked and that may be reached by plain HTTP. Loopback hosts are always so. */
  readonly insecure?: readonly string[]
  /** Docker's credentials file. Default: `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`, and after it podman's
   * (`$REGISTRY_AUTH_FILE`, `$XDG_RUNTIME_DIR/containers/auth.json`, `~/.config/containers/auth.json`); `false` reads none. */
  readonly dockerConfigPath?: string | false
  /** Settings by host, as references have it. */
  readonly hosts?: Readonly<Record<string, RegistryHost>>
  /** Folders with `<host>/{*.crt,*.cert,*.key}`. Default: those of docker and podman, in `~/.config` and `/etc`. */
  readonly certsDirectories?: readonly string[]
  readonly userAgent?: string
  /** PEM certificates trusted besides Node's own and those of `NODE_EXTRA_CA_CERTS`. */
  readonly ca?: readonly string[]
  /** Where `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`, `DOCKER_CONFIG` and PATH are read from. Default: `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly retry?: RetryOptions
}

/** How one registry is reached. Certificates and keys are PEM text or the path of a file that has it. */
export interface RegistryHost {
  /** Asked in order before the registry itself when something is pulled, each `host[:port][/path]`. A mirror that fails in any way is
   * passed over; what it sends must have the digest that was asked for. */
  readonly mirrors?: readonly string[]
  /** Take any certificate, and plain HTTP where the host does not speak TLS. Default: for loopback hosts. */
  readonly insecure?: boolean
  /** `true`: plain HTTP, at once. `false`: never, not even on loopback. */
  readonly plainHttp?: boolean
  /** Certificate authorities trusted for this host besides the usual ones. */
  readonly ca?: string
  /** The client certificate, with `key`. */
  readonly cert?: string
  readonly key?: string
}

/** How often a transfer is tried, and how patiently. */
export interface RetryOptions {
  /** Attempts in a row that bring no byte forward until a transfer fails. Default 5. */
  readonly attempts?: number
  /** Milliseconds before the second attempt; doubled for each further one, with jitter. Default 300. */
  readonly backoffMs?: number
  /** Milliseconds without any byte until a connection counts as stalled. Default 60,000. */
  readonly idleTimeoutMs?: number
  /** The longest `Retry-After` that is waited for, in milliseconds. Default 60,000. */
  readonly maxRetryAfterMs?: number
}

/** What a reference leads to. */
export interface ResolvedImage {
  /** The image manifest, with `platform` when an index named it. */
  readonly descriptor: Descriptor
  readonly manifest: ImageManifest
  /** As the registry sent them; their digest is `descriptor.digest`. */
  readonly manifestBytes: Uint8Array
  /** The index that the reference itself names, when it names one. */
  readonly indexDescriptor?: Descriptor
  readonly indexBytes?: Uint8Array
}

export interface FetchedManifest {
  readonly descriptor: Descriptor
  readonly bytes: Uint8Array
}

export interface TransferOptions extends CallOptions {
  readonly onProgress?: OnProgress
}

export interface PushBlobOptions extends TransferOptions {
  /** Repositories of the same registry that may have the blob: it is mounted from there instead of being sent. */
  readonly mountFrom?: readonly string[]
  /** Told the repository that the blob was mounted from. */
  readonly onMounted?: (repository: string) => void
}

/** How a blob got to the registry. */
export type PushOutcome = 'exists' | 'mounted' | 'pushed'

/** Takes a pulled blob in, as `ContentStore.openIngest` does: verified for digest and size at `commit`. */
export interface BlobSink {
  openIngest(descriptor: Pick<Descriptor, 'digest' | 'size'>): Promise<Ingest>
}

/** Talks to registries by the OCI distribution spec 1.1. One client serves every host; it keeps connections and tokens.
 *
 * Walkthrough: `resolve(ref)` → for the config and each layer of `manifest`: `pullBlob(ref, layer, store)`. The other way:
 * `pushBlob` for the layers and the config, then `pushManifest`.
 *
 * Every call retries what may pass (network errors, 5xx, 429) and rejects with {@link RegistryError}:
 * `REGISTRY_UNREACHABLE`, `REGISTRY_UNAUTHORIZED`, `REGISTRY_DENIED`, `TOO_MANY_REQUESTS`, `REGISTRY_FAILED`,
 * `CREDENTIALS_FAILED` anywhere, and with what its own comment names. */
export interface RegistryClient extends AsyncDisposable {
  /** Finds the image for a platform: an index is followed to the manifest that serves `platform` (default: this machine) best.
   *  A manifest that no index leads to is taken as it is: its platform stands in its config.
   *  @throws {RegistryError} `MANIFEST_NOT_FOUND`, `REPOSITORY_NOT_FOUND`, `MANIFEST_INVALID`, `MANIFEST_UNSUPPORTED`,
   *  `PLATFORM_NOT_FOUND` (the message lists what there is), `DIGEST_MISMATCH` */
  resolve(reference: Reference, options?: CallOptions & { readonly platform?: Platform }): Promise<ResolvedImage>
  /** The manifest or index that a reference names, verified; at most 4 MiB.
   *  @throws {RegistryError} as `resolve`, without `PLATFORM_NOT_FOUND` */
  fetchManifest(reference: Reference, options?: CallOptions): Promise<FetchedManifest>
  /** A blob of at most 4 MiB (a config) in memory, verified.
   *  @throws {RegistryError} `BLOB_NOT_FOUND`, `BLOB_TRUNCATED`, `BLOB_OVERSIZED`, `DIGEST_MISMATCH` */
  readBlob(reference: Reference, descriptor: Descriptor, options?: CallOptions): Promise<Uint8Array>
  /** Streams a blob into `sink`; continued after an interruption from where it stopped.
   *  @throws {RegistryError} `BLOB_NOT_FOUND`, `BLOB_TRUNCATED`, `BLOB_OVERSIZED`, `DIGEST_MISMATCH`; errors of the sink pass through */
  pullBlob(reference: Reference, descriptor: Descriptor, sink: BlobSink, options?: TransferOptions): Promise<void>
  hasBlob(reference: Reference, descriptor: Pick<Descriptor, 'digest'>, options?: CallOptions): Promise<boolean>
  /** Brings a blob to the reference's repository unless it is there. `open(offset)` gives its bytes from `offset` on and may be
   *  called again after an interruption.
   *  @throws {RegistryError} `DIGEST_MISMATCH` when the registry counts otherwise; errors of the stream pass through */
  pushBlob(
    reference: Reference,
    descriptor: Descriptor,
    open: (offset: number) => ByteStream,
    options?: PushBlobOptions,
  ): Promise<PushOutcome>
  /** The tags of a repository, in the registry's order.
   *  @throws {RegistryError} `REPOSITORY_NOT_FOUND` */
  listTags(reference: Reference, options?: CallOptions): Promise<string[]>
  /** Tries credentials out on a registry, whatever others it is known by. Resolves with what should be kept: the identity token, where
   *  the registry gives one.
   *  @throws {RegistryError} `REGISTRY_UNAUTHORIZED` */
  login(registry: string, credentials: Credentials, options?: CallOptions): Promise<Credentials>
  /** Puts a manifest under the reference's tag (or digest); its blobs are there already. Resolves with its digest.
   *  @throws {RegistryError} `DIGEST_MISMATCH`, `MANIFEST_INVALID` */
  pushManifest(reference: Reference, bytes: Uint8Array, mediaType: string, options?: CallOptions): Promise<Digest>
}
