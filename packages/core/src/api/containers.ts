import type { Readable, Writable } from 'node:stream'
import type {
  ByteStream,
  CallOptions,
  CgroupLimits,
  Digest,
  HealthcheckConfig,
  ImageConfig,
  ResourceLimit,
  Sandbox,
  TerminalSize,
} from '@tsbuild/spec'
import type { ContainerRecord } from '../containers/record.js'
import type {
  CommitOptions,
  CommittedImage,
  ContainerChange,
  CopiedFiles,
  CopyFilesOptions,
  FilesDestination,
  FilesSource,
} from './container-files.js'
import type { PullEvent } from './transfer.js'

/** Something of the host, or of memory, in a container's file system. */
export type ContainerMount =
  | {
      readonly kind: 'bind'
      /** Absolute path on the host. */
      readonly source: string
      /** Absolute path in the container. */
      readonly target: string
      readonly readonly?: boolean
      /** Make a directory where the source is missing, as `-v` does; otherwise that is an error. */
      readonly create?: boolean
    }
  | {
      readonly kind: 'tmpfs'
      readonly target: string
      readonly sizeBytes?: number
      /** Permission bits. Default 0o1777. */
      readonly mode?: number
      readonly options?: readonly ('nosuid' | 'nodev' | 'noexec' | 'ro')[]
    }

/** A port of the container that the host shows. */
export interface PublishedPort {
  readonly containerPort: number
  readonly protocol: 'tcp' | 'udp'
  /** 0: one that is free. */
  readonly hostPort: number
  /** With it, the first free one from `hostPort` to this. */
  readonly hostPortEnd?: number
  /** Default 0.0.0.0: every address of IPv4. */
  readonly hostAddress?: string
}

/** `host` shares the host's network, `none` has a loopback device only, `bridge` is a private network with the outside behind NAT,
 * `container:NAME` shares that container's. */
export type ContainerNetwork = 'host' | 'none' | 'bridge' | `container:${string}`

/** What a container is made of. What is not given comes from the image, as with `docker run`. */
export interface ContainerOptions extends CallOptions {
  /** Name or id of an image. */
  readonly image: string
  /** Default: two random words. @throws `CONTAINER_EXISTS` */
  readonly name?: string
  /** Replaces the image's CMD. */
  readonly command?: readonly string[]
  /** Refuses an image without a command, as `docker create` does; `exec` needs none. Default false. */
  readonly commandRequired?: boolean
  /** Replaces the image's ENTRYPOINT, and leaves its CMD out; an empty list is none. */
  readonly entrypoint?: readonly string[]
  /** Joins the image's environment; `undefined` takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  readonly user?: string
  readonly hostname?: string
  readonly labels?: Readonly<Record<string, string>>
  /** Gives the command a pseudo-terminal. */
  readonly terminal?: boolean
  /** Keeps its standard input open for who attaches; otherwise it reads nothing. */
  readonly stdin?: boolean
  readonly mounts?: readonly ContainerMount[]
  /** Default `host`, or `bridge` where ports are published. */
  readonly network?: ContainerNetwork
  /** Ports that the host shows; they mean nothing on the networks `host` and `none`. */
  readonly publish?: readonly PublishedPort[]
  /** Publishes each port of the image's EXPOSE at a free one of the host. */
  readonly publishAll?: boolean
  /** Ports besides those of EXPOSE, as `80/tcp`. They only mark. */
  readonly expose?: readonly string[]
  /** Further lines of /etc/hosts; the address `host-gateway` is the machine's. */
  readonly extraHosts?: readonly (readonly [name: string, address: string])[]
  /** Servers to ask for names, instead of the machine's. */
  readonly dns?: readonly string[]
  /** All capabilities, no system call filter, nothing masked. Takes the entitlement `security.insecure`. */
  readonly privileged?: boolean
  /** `capAdd` and `seccomp` take the entitlement `security.insecure`. */
  readonly sandbox?: Sandbox
  readonly limits?: readonly ResourceLimit[]
  readonly cgroup?: CgroupLimits
  readonly shmSizeBytes?: number
  /** Runs the command below tini or catatonit, which must be on PATH. */
  readonly init?: boolean
  /** Removes the container when it ends. */
  readonly autoRemove?: boolean
  /** Name or number, e.g. `SIGTERM`, `QUIT`, `9`. One that the kernel lacks makes `stop` send SIGKILL. */
  readonly stopSignal?: string
  /** How long `stop` waits before it kills. Default 10 (s). */
  readonly stopTimeoutSeconds?: number
  /** Members replace those of the image's; `none` runs no check. */
  readonly healthcheck?: HealthcheckConfig | 'none'
  /** When to ask a registry for the image. Default `missing`. */
  readonly pull?: 'missing' | 'always' | 'never'
  /** `os/arch[/variant]` */
  readonly platform?: string
  readonly log?: ContainerLogOptions
  readonly onPull?: (event: PullEvent) => void
}

/** How much of a container's output is kept. */
export interface ContainerLogOptions {
  /** Bytes of one log file. Default 20 MiB. */
  readonly maxSizeBytes?: number
  /** Files that are kept, the current one included. Default 2. */
  readonly maxFiles?: number
}

export type ContainerStatus = 'created' | 'running' | 'exited'

export type HealthStatus = 'starting' | 'healthy' | 'unhealthy'

/** One line of `list`. */
export interface ContainerSummary {
  readonly id: string
  readonly name: string
  /** Name of the image as it was given. */
  readonly image: string
  readonly imageId: Digest
  readonly command: readonly string[]
  /** Milliseconds since the epoch, as all times here. */
  readonly createdAt: number
  readonly status: ContainerStatus
  readonly startedAt?: number
  readonly finishedAt?: number
  readonly exitCode?: number
  readonly health?: HealthStatus
  readonly ports: readonly PublishedPort[]
  /** Ports of EXPOSE that are not published, as `80/tcp`. */
  readonly exposed: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  readonly network: ContainerNetwork
  readonly mounts: readonly ContainerMount[]
  /** Where `mount` shows it on the host. */
  readonly mountedAt?: string
}

/** Everything that is known of a container. */
export interface ContainerDetails extends ContainerRecord {
  readonly imageConfig: ImageConfig
  /** Where its output is kept. */
  readonly logPath: string
}

export interface ContainerListOptions {
  /** Those that do not run, too. */
  readonly all?: boolean
}

/** How a process of a container ended. */
export interface ExecResult {
  readonly exitCode: number
  /** What it printed, up to `maxOutputBytes`; empty where streams were given. */
  readonly stdout: string
  readonly stderr: string
}

export interface ExecOptions extends CallOptions {
  /** Joins the container's environment. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly user?: string
  /** Takes the entitlement `security.insecure`. */
  readonly privileged?: boolean
  /** What the process reads. */
  readonly stdin?: Readable | string | Uint8Array
  /** Where its output goes instead of into the result. */
  readonly stdout?: Writable
  readonly stderr?: Writable
  /** Gives it a pseudo-terminal; all of its output is then `stdout`. */
  readonly terminal?: TerminalSize
  /** Told a function that changes the terminal's size, once the process runs. */
  readonly onStart?: (process: { resize(size: TerminalSize): void; kill(signal: NodeJS.Signals): void }) => void
  /** Refuses where the container does not run, as `docker exec` does. @throws {CoreError} `CONTAINER_NOT_RUNNING` */
  readonly runningOnly?: boolean
  /** Rejects unless it exits with 0. @throws {CoreError} `COMMAND_FAILED` */
  readonly check?: boolean
  /** The result keeps the last bytes of each stream. Default 10 MiB. */
  readonly maxOutputBytes?: number
}

/** One piece of a container's output; not a line. */
export interface LogEntry {
  readonly stream: 'stdout' | 'stderr'
  readonly at: number
  readonly data: Uint8Array
}

export interface LogOptions extends CallOptions {
  /** Goes on until the container ends. */
  readonly follow?: boolean
  /** Only the last lines. */
  readonly tail?: number
  /** Milliseconds since the epoch. */
  readonly since?: number
  readonly until?: number
}

export interface StartContainerOptions extends CallOptions {
  /** Connects to the process before it starts, so that no output is missed. */
  readonly attach?: AttachOptions
}

export interface AttachOptions {
  readonly onOutput?: (stream: 'stdout' | 'stderr', chunk: Uint8Array) => void | Promise<void>
  readonly stdin?: boolean
  /** Of a container with a terminal. */
  readonly size?: TerminalSize
}

/** A connection to a running container. Disposing it leaves the container alone. */
export interface Attachment extends AsyncDisposable {
  /** The exit code of the container. @throws {CoreError} `CONTAINER_GONE` when its monitor was killed and its record is gone */
  readonly ended: Promise<number>
  /** Resolves when the container can take more. */
  write(chunk: Uint8Array): Promise<void>
  endInput(): void
  resize(size: TerminalSize): void
  /** @throws {CoreError} `CONTAINER_NOT_RUNNING` */
  kill(signal: string): Promise<void>
}

export interface RunContainerOptions extends ContainerOptions {
  readonly stdout?: Writable
  readonly stderr?: Writable
}

export interface RunContainerResult extends ExecResult {
  readonly id: string
}

export interface StopContainerOptions extends CallOptions {
  /** Default: the container's stop signal. */
  readonly stopSignal?: string
  /** Default: the container's; -1 waits for ever. */
  readonly timeoutSeconds?: number
}

/** One container: an active snapshot on an image's layers, and a configuration. It holds nothing open.
 *
 * `created` → `start` → `running` → its command ends, or `stop` → `exited` → `start` … → `remove`. What it writes stays until it is
 * removed. It outlives the program that made it: a detached process watches over each one that runs. */
export interface Container {
  /** 64 hex digits. */
  readonly id: string
  readonly name: string
  /** @throws {CoreError} `CONTAINER_NOT_FOUND` once it is removed, here and everywhere below */
  inspect(): Promise<ContainerDetails>
  /** Starts its command. Nothing happens where it runs already, unless `attach` is wanted.
   *  @throws {RuntimeError} `COMMAND_NOT_FOUND`, `COMMAND_NOT_EXECUTABLE`, `MOUNT_UNUSABLE` …; it is `exited` then */
  start(options?: StartContainerOptions): Promise<Attachment | undefined>
  /** @throws {CoreError} `CONTAINER_NOT_RUNNING` */
  attach(options?: AttachOptions): Promise<Attachment>
  /** Runs a process in it. Where the container runs, the process joins it. Where it does not, the process runs alone on the container's
   *  file system, with its settings, without its ENTRYPOINT: the way to script images. Such processes wait for one another, and
   *  `start` waits for them.
   *  @throws {CoreError} `COMMAND_FAILED` with `check`; {RuntimeError} `COMMAND_NOT_FOUND` … */
  exec(args: readonly string[], options?: ExecOptions): Promise<ExecResult>
  /** Starts a process in the running container and leaves it to the container's monitor. @throws {CoreError} `CONTAINER_NOT_RUNNING` */
  execDetached(
    args: readonly string[],
    options?: Pick<ExecOptions, 'env' | 'cwd' | 'user' | 'privileged'>,
  ): Promise<void>
  logs(options?: LogOptions): AsyncIterable<LogEntry>
  /** Sends the stop signal, waits, kills; nothing happens where it does not run. */
  stop(options?: StopContainerOptions): Promise<void>
  /** @throws {CoreError} `CONTAINER_NOT_RUNNING`, `OPTION_INVALID` (the signal) */
  kill(signal?: string): Promise<void>
  restart(options?: StopContainerOptions): Promise<void>
  /** Resolves with its exit code when it does not run (any more). */
  wait(options?: CallOptions): Promise<number>
  /** @throws {CoreError} `CONTAINER_EXISTS` */
  rename(name: string): Promise<void>
  /** Makes an image: the image's layers with what the container wrote as one more on top, and the image's config with what the container
   *  was made with. The container stays as it is; one that runs is paused while its files are copied.
   *  @throws {CoreError} `OPTION_INVALID` (a change, the name) */
  commit(options?: CommitOptions): Promise<CommittedImage>
  /** Copies a file or directory of it to the host, by `docker cp`'s rules: into the destination where that is a directory, else as the
   *  destination; `dir/.` is the content of a directory. Links in the path stay in the container. One that runs shows what its
   *  processes see, mounts included; one that does not, only its own files. A stream gets a tar and is left open.
   *  @throws {CoreError} `COPY_SOURCE_NOT_FOUND`, `COPY_INVALID` */
  copyOut(path: string, destination: FilesDestination, options?: CopyFilesOptions): Promise<CopiedFiles>
  /** Copies a file or directory of the host into it, by the same rules; a tar into a directory that is there, with the tar's owners.
   *  @throws {CoreError} `COPY_SOURCE_NOT_FOUND`, `COPY_INVALID`, `ARCHIVE_INVALID` */
  copyIn(source: FilesSource, path: string, options?: CopyFilesOptions): Promise<CopiedFiles>
  /** What it has changed in the image's files, in the order of the paths. */
  diff(options?: CallOptions): Promise<ContainerChange[]>
  /** Its whole file system as a tar, without what is mounted on it. */
  export(options?: CallOptions): ByteStream
  /** Shows its file system on the host until `unmount`, `remove` or the next boot; the path, also when it was mounted before. Meanwhile it
   *  cannot be started, nor `exec` run in it. @throws {CoreError} `CONTAINER_RUNNING` */
  mount(): Promise<string>
  /** Resolves with whether it was mounted. @throws {CoreError} `CONTAINER_MOUNTED` while somebody uses it there */
  unmount(): Promise<boolean>
  /** Takes its snapshot, log and record away. @throws {CoreError} `CONTAINER_RUNNING` without `force` */
  remove(options?: { readonly force?: boolean }): Promise<void>
}

/** The containers of a root folder. They are found by name, id, or the beginning of an id. */
export interface Containers {
  /** @throws {CoreError} `IMAGE_NOT_FOUND`, `CONTAINER_EXISTS`, `OPTION_INVALID`, `ENTITLEMENT_MISSING` */
  create(options: ContainerOptions): Promise<Container>
  /** Creates, starts, and waits: the result has what the command printed. When the signal aborts, the container is stopped. */
  run(options: RunContainerOptions): Promise<RunContainerResult>
  /** @throws {CoreError} `CONTAINER_NOT_FOUND`, with the nearest name as hint */
  get(nameOrId: string): Promise<Container>
  /** Newest first. Tells the truth also after a reboot or the death of a monitor. */
  list(options?: ContainerListOptions): Promise<ContainerSummary[]>
  /** Removes those that do not run, and for which `matches` says yes. */
  prune(
    matches?: (container: ContainerSummary) => boolean,
  ): Promise<{ readonly removed: readonly string[]; readonly bytes: number }>
}
