import type { Readable } from 'node:stream'
import type {
  Digest,
  ImageConfig,
  MissCause,
  NetworkMode,
  OnBuildEvent,
  ResourceLimit,
  Sandbox,
  SourceRange,
} from '@tsbuild/spec'
import type { Annotation, Output } from './output.js'
import type { CacheExport, CacheMountTravel, CacheSource, CacheTarget } from './remote-cache.js'

/** Where an ssh agent's keys come from: the socket of an agent that runs, or key files (without passphrases) for one that is started
 * for the build. */
export interface SshSource {
  readonly socket?: string
  readonly keys?: readonly string[]
}

/** What a step may ask for beyond the usual isolation. `network.host` is granted always, since a step's network is the host's
 * unless it says otherwise. */
export type Entitlement = 'security.insecure' | 'network.host'

/** `bridge` is a network of the step's own with the outside behind NAT; the others are those of a process. */
export type StepNetwork = NetworkMode | 'bridge'

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
  /** Further contexts by name, for FROM, `COPY --from` and `RUN --mount=from`: a directory, `docker-image://NAME`,
   * `oci-layout://DIR[:TAG][@DIGEST]`, `target:STAGE`, a git repository, or the `http(s)://` address of an archive or a file. One with
   * the name of a stage replaces that stage, one with the name of an image that image. */
  readonly buildContexts?: Readonly<Record<string, string>>
  /** What `RUN --mount=type=secret` finds, by id. Neither the cache nor the image nor a step's output has their bytes. */
  readonly secrets?: Readonly<Record<string, Uint8Array>>
  /** What `RUN --mount=type=ssh` finds, by id; `default` also answers for git repositories by ssh. Steps can list keys and sign, and
   * neither add nor remove any. Not in the cache's keys. */
  readonly ssh?: Readonly<Record<string, SshSource>>
  /** Entitlements that the Dockerfile may use. */
  readonly allow?: readonly Entitlement[]
  readonly labels?: Readonly<Record<string, string>>
  /** OCI annotations for every image that is written. */
  readonly annotations?: readonly Annotation[]
  /** Names for the image: each is put into the local store. */
  readonly tags?: readonly string[]
  /** Run every step again, or those of the named stages. What they make is remembered all the same. */
  readonly noCache?: boolean | readonly string[]
  /** Ask the registry for every base image, even where the local store has one. */
  readonly pull?: boolean
  /** `os/arch[/variant]`; default: this machine's. Several give an image each and an index of them, which goes to an OCI layout or a
   * registry. RUN for another machine's kind needs an emulator. */
  readonly platform?: string | readonly string[]
  /** Network of RUN steps that do not choose theirs. Default `host`. */
  readonly network?: StepNetwork
  readonly outputs?: readonly Output[]
  /** Caches to look into for steps that the root has no record of, the first one first. One that can't be read gives a warning. */
  readonly cacheFrom?: readonly CacheSource[]
  /** Caches that get what this build made or took from a cache, when it is done. */
  readonly cacheTo?: readonly CacheTarget[]
  /** The folders of `RUN --mount=type=cache` travel with these caches: `cacheTo` gets what they hold, and those that are not here yet
   * start with what `cacheFrom` has. Default: they stay on this machine. */
  readonly cacheMounts?: boolean | CacheMountTravel
  /** Seconds since the epoch: `created` of the image and of its history. Default: the build argument of that name, else the
   * Dockerfile's global ARG of that name, else now. */
  readonly sourceDateEpoch?: number
  /** Write no time later than `sourceDateEpoch` into the layers. */
  readonly rewriteTimestamp?: boolean
  readonly extraHosts?: readonly (readonly [name: string, address: string])[]
  readonly shmSizeBytes?: number
  /** Resource limits of RUN's processes, by Docker's names. Part of the cache's keys, as in BuildKit; not of the image. */
  readonly limits?: readonly ResourceLimit[]
  /** What differs from Docker's rules for the processes of RUN; the caller's word, which takes no entitlement. `seccomp` does not count
   * for `RUN --security=insecure`, which has no filter. Part of the cache's keys. */
  readonly sandbox?: BuildSandbox
  readonly signal?: AbortSignal
  readonly onEvent?: OnBuildEvent
}

/** How RUN's processes are confined. */
export type BuildSandbox = Pick<Sandbox, 'seccomp' | 'noNewPrivileges'>

/** What became of one step. */
export interface StepRecord {
  /** The vertex digest, as events carry it. */
  readonly id: Digest
  readonly name: string
  readonly cached: boolean
  /** Why it ran, when it ran: what differs from the nearest earlier record. */
  readonly miss?: MissCause
  /** {@link StepRecord.miss} as a line. */
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
  /** Digest of the manifest in the local store. Absent when no output needed an image (`local`, `tar`, none). Of several platforms
   * that of the index, as it was written last. */
  readonly imageDigest?: Digest
  /** Digest of the image config: Docker's image id. Absent where there are several. */
  readonly configDigest?: Digest
  readonly config?: ImageConfig
  /** Full names that now lead to the image. */
  readonly names: readonly string[]
  /** Names and manifest digests that were pushed. */
  readonly pushed: readonly { readonly name: string; readonly digest: Digest }[]
  /** What became of `cacheTo`, without those that failed. */
  readonly cacheExports: readonly CacheExport[]
  readonly steps: readonly StepRecord[]
  readonly warnings: readonly BuildWarning[]
  readonly durationMs: number
}

/** What decides which Dockerfile a build uses. */
export type DockerfileOptions = Pick<
  BuildOptions,
  'context' | 'dockerfile' | 'dockerfileText' | 'buildArgs' | 'secrets' | 'ssh' | 'signal' | 'onEvent'
>

export interface DockerfileSource {
  /** As messages name it. */
  readonly file: string
  readonly text: string
  /** Patterns of its ignore file, or of the context's. */
  readonly ignore: readonly string[]
}
