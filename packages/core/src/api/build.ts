import type { Readable, Writable } from 'node:stream'
import type { Digest, ImageConfig, NetworkMode, OnBuildEvent, ResourceLimit, SourceRange } from '@tsbuild/spec'

/** Where a build's result goes. */
export type Output =
  /** Into the local image store under `names` (default: the build's `tags`); `push` sends it to the names' registries, too. */
  | { readonly type: 'image'; readonly names?: readonly string[]; readonly push?: boolean }
  /** An OCI image layout, as a tar (default) or a directory. */
  | {
      readonly type: 'oci'
      readonly dest: string | Writable
      readonly tar?: boolean
      readonly compression?: 'gzip' | 'zstd' | 'uncompressed'
    }
  /** What `docker load` and `podman load` read. */
  | { readonly type: 'docker'; readonly dest: string | Writable }
  | { readonly type: 'registry'; readonly names?: readonly string[] }
  /** The files of the result, in a directory. */
  | { readonly type: 'local'; readonly dest: string }
  /** The files of the result, as one tar. */
  | { readonly type: 'tar'; readonly dest: string | Writable }

/** Where an ssh agent's keys come from: the socket of an agent that runs, or key files (without passphrases) for one that is started
 * for the build. */
export interface SshSource {
  readonly socket?: string
  readonly keys?: readonly string[]
}

/** What a step may ask for beyond the usual isolation. `network.host` is granted always, since a step's network is the host's
 * unless it says otherwise. */
export type Entitlement = 'security.insecure' | 'network.host'

export interface BuildOptions {
  /** The context: a directory (default: the working directory), a git repository (`https://host/repo.git#ref:subdir`, `git@host:path`,
   * `github.com/…`), the `http(s)://` address of a tar or a Dockerfile, or a stream as Docker's `build -` takes it: a tar, compressed
   * or not, or a Dockerfile alone. */
  readonly context?: string | Readable
  /** Path of the Dockerfile; a relative one is looked up from the working directory, or in a context that is no directory. Default:
   * `Dockerfile` in the context. */
  readonly dockerfile?: string
  /** The Dockerfile's text itself, instead of a path. */
  readonly dockerfileText?: string
  readonly target?: string
  readonly buildArgs?: Readonly<Record<string, string>>
  /** Further contexts by name, for FROM, `COPY --from` and `RUN --mount=from`: a directory, or `docker-image://NAME`. One with the
   * name of a stage replaces that stage, one with the name of an image that image. */
  readonly buildContexts?: Readonly<Record<string, string>>
  /** What `RUN --mount=type=secret` finds, by id. Neither the cache nor the image nor a step's output has their bytes. */
  readonly secrets?: Readonly<Record<string, Uint8Array>>
  /** What `RUN --mount=type=ssh` finds, by id (usually `default`). Steps can list keys and sign, and neither add nor remove any. Not in
   * the cache's keys. */
  readonly ssh?: Readonly<Record<string, SshSource>>
  /** Entitlements that the Dockerfile may use. */
  readonly allow?: readonly Entitlement[]
  readonly labels?: Readonly<Record<string, string>>
  /** Names for the image: each is put into the local store. */
  readonly tags?: readonly string[]
  /** Run every step again, or those of the named stages. What they make is remembered all the same. */
  readonly noCache?: boolean | readonly string[]
  /** Ask the registry for every base image, even where the local store has one. */
  readonly pull?: boolean
  /** `os/arch[/variant]`; default: this machine's. */
  readonly platform?: string
  /** Network of RUN steps that do not choose theirs. Default `host`. */
  readonly network?: NetworkMode
  readonly outputs?: readonly Output[]
  /** Seconds since the epoch: `created` of the image and of its history. Default: the build argument of that name, else the
   * Dockerfile's global ARG of that name, else now. */
  readonly sourceDateEpoch?: number
  /** Write no time later than `sourceDateEpoch` into the layers. */
  readonly rewriteTimestamp?: boolean
  readonly extraHosts?: readonly (readonly [name: string, address: string])[]
  readonly shmSizeBytes?: number
  /** Resource limits of RUN's processes, by Docker's names. Part of the cache's keys, as in BuildKit; not of the image. */
  readonly limits?: readonly ResourceLimit[]
  readonly signal?: AbortSignal
  readonly onEvent?: OnBuildEvent
}

/** What became of one step. */
export interface StepRecord {
  /** The vertex digest, as events carry it. */
  readonly id: Digest
  readonly name: string
  readonly cached: boolean
  /** Why it ran, when it ran: the input that differs from the nearest earlier record. */
  readonly why?: string
  readonly durationMs: number
  readonly sizeBytes: number
  readonly source?: SourceRange
}

export interface BuildWarning {
  readonly rule?: string
  readonly message: string
  readonly url?: string
  readonly source?: SourceRange
}

export interface BuildResult {
  /** Digest of the manifest in the local store. Absent when no output needed an image (`local`, `tar`, none). */
  readonly imageDigest?: Digest
  /** Digest of the image config: Docker's image id. */
  readonly configDigest?: Digest
  readonly config?: ImageConfig
  /** Full names that now lead to the image. */
  readonly names: readonly string[]
  /** Names and manifest digests that were pushed. */
  readonly pushed: readonly { readonly name: string; readonly digest: Digest }[]
  readonly steps: readonly StepRecord[]
  readonly warnings: readonly BuildWarning[]
  readonly durationMs: number
}
