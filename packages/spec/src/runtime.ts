import type { CallOptions } from './call-options.js'
import type { Mount } from './mount.js'

/** Something that appears in a process's root file system besides the root itself. Targets are absolute paths inside the root and
 * are resolved there, links included; missing mount points are made for the process and removed after it. */
export type ProcessMount =
  /** A host directory or file, or (`subpath` inside) a mounted chain. */
  | {
      readonly kind: 'bind'
      readonly source: string | Mount
      readonly subpath?: string
      readonly target: string
      readonly readonly: boolean
    }
  /** Memory. `mode` are its permission bits (default 0o1777); `options` are Docker's: `nosuid` is always there. */
  | {
      readonly kind: 'tmpfs'
      readonly target: string
      readonly sizeBytes?: number
      readonly mode?: number
      readonly options?: readonly ('nosuid' | 'nodev' | 'noexec' | 'ro')[]
    }
  /** A file with this content on a private tmpfs: secrets never touch the disk. */
  | {
      readonly kind: 'secret'
      readonly target: string
      readonly data: Uint8Array
      readonly mode: number
      readonly uid: number
      readonly gid: number
    }

/** `host` shares the network of this process; `none` has a loopback device only. */
export type NetworkMode = 'host' | 'none'

/** The network of a process: one of the modes, or the network namespace that the file at `path` stands for (`/proc/PID/ns/net`, or one
 * that is bind-mounted). */
export type ProcessNetwork = NetworkMode | { readonly kind: 'namespace'; readonly path: string }

/** `sandbox` has Docker's default capabilities and seccomp rules, masked paths, and no device but those of its own /dev; `insecure` has
 * all of our capabilities and nothing of the rest. */
export type SecurityMode = 'sandbox' | 'insecure'

/** A resource limit set before exec; `Infinity` is unlimited. */
export interface ResourceLimit {
  readonly name: string
  readonly soft: number
  readonly hard: number
}

/** A seccomp profile as Docker's JSON files have it (`defaultAction`, `archMap`, `syscalls`). */
export interface SeccompProfile {
  readonly [member: string]: unknown
}

/** What differs from Docker's defaults in the isolation of a process. */
export interface Sandbox {
  /** Capabilities besides the default set, with or without `CAP_`, in any case; `ALL` is every one that this process has. */
  readonly capAdd?: readonly string[]
  /** Capabilities less than the default set; `ALL` leaves those of `capAdd` only. */
  readonly capDrop?: readonly string[]
  /** No program gains privileges by its setuid bit or file capabilities. Default false. */
  readonly noNewPrivileges?: boolean
  /** Which system calls are allowed. Default: `default`, Docker's rules; for `insecure` processes `unconfined`. */
  readonly seccomp?: 'default' | 'unconfined' | SeccompProfile
  /** The root file system cannot be written; mounts on it can. Default false. */
  readonly readonlyRoot?: boolean
  /** All devices of the host are in /dev; for `insecure`, they can be opened. Default false. */
  readonly hostDevices?: boolean
}

/** Limits of all processes of a root together; they take a cgroup. */
export interface CgroupLimits {
  readonly pids?: number
  readonly memoryBytes?: number
  /** Processors' worth of time: 0.5 is half of one. */
  readonly cpus?: number
}

/** One process to run in a root file system. */
export interface ProcessSpec {
  readonly root: Mount
  /** Looked up in `PATH` of `env` inside the root, when it has no slash. Never empty. */
  readonly args: readonly string[]
  /** `NAME=value`; nothing of the host's environment is added. */
  readonly env: readonly string[]
  /** Absolute path inside the root; made when it is missing, as Docker does. */
  readonly cwd: string
  /** Docker's USER: '', `name`, `uid`, `name:group`, `uid:gid`; names and supplementary groups come from the root's /etc/passwd and /etc/group. */
  readonly user: string
  readonly network: ProcessNetwork
  readonly security?: SecurityMode
  readonly hostname?: string
  /** Further lines of /etc/hosts: `[name, address]`. */
  readonly extraHosts?: readonly (readonly [name: string, address: string])[]
  /** Content of /etc/resolv.conf. Default: that of the host. */
  readonly resolvConf?: string
  /** A container rather than a step: /etc/hostname is shown, too, and /etc/hosts, /etc/hostname and /etc/resolv.conf can be written;
   * what is written there is kept in memory only. Default false. */
  readonly container?: boolean
  readonly mounts?: readonly ProcessMount[]
  readonly limits?: readonly ResourceLimit[]
  readonly shmSizeBytes?: number
  readonly sandbox?: Sandbox
  readonly cgroup?: CgroupLimits
  /** Path on the host of a static init program (tini, catatonit) that becomes PID 1, runs the command and reaps orphans. */
  readonly init?: string
}

export interface RunOptions extends CallOptions {
  /** Called as output comes; chunks are not lines. A promise that it returns is waited for: with about 1 MiB on its way, the process
   * waits, too. */
  readonly onOutput?: (stream: 'stdout' | 'stderr', chunk: Uint8Array) => unknown
  /** Between SIGTERM and SIGKILL when `signal` aborts. Default 2000 (ms); 0 kills at once. */
  readonly graceMs?: number
}

/** How a process ended: `code` 0–255, or the `signal` that ended it (`code` is then 128 + its number, as a shell has it). */
export interface ExitStatus {
  readonly code: number
  readonly signal?: NodeJS.Signals
}

/** Runs one process in a root file system, in namespaces of its own, and leaves nothing behind.
 *
 * `run` resolves with the exit status, whatever it is. When `signal` aborts, every process of the step is killed and awaited, then
 * it rejects with the signal's reason. Every implementation passes `runtimeConformance()`. */
export interface Runtime extends AsyncDisposable {
  readonly kind: 'native' | 'oci'
  /** Starts, in the background, what the first step would wait for. */
  warm?(): void
  /** @throws {RuntimeError} `COMMAND_NOT_FOUND` (127), `COMMAND_NOT_EXECUTABLE` (126), `USER_NOT_FOUND`, `ROOT_UNUSABLE`, `MOUNT_UNUSABLE`, `LIMIT_REFUSED`,
   * `CAPABILITY_UNKNOWN`, `CAPABILITY_UNAVAILABLE`, `SECCOMP_PROFILE_INVALID`, `RUNTIME_UNAVAILABLE` */
  run(process: ProcessSpec, options?: RunOptions): Promise<ExitStatus>
}

/** Size of a terminal in characters. */
export interface TerminalSize {
  readonly columns: number
  readonly rows: number
}

export interface StartOptions extends RunOptions {
  /** Whether the process reads what `write` is given; otherwise its input is /dev/null. Default false. */
  readonly stdin?: boolean
  /** Gives the process a pseudo-terminal of this size as its controlling terminal; all of its output then comes as `stdout`. */
  readonly terminal?: TerminalSize
}

/** A process of the machine that no other one can be taken for. */
export interface ProcessIdentity {
  /** The host's id. Its namespaces and root can be reached through it while it runs. */
  readonly pid: number
  /** When it was started, in clock ticks since boot: field 22 of `/proc/PID/stat`, as text. */
  readonly startTime: string
}

/** A process that runs, or has ended. */
export interface RunningProcess extends ProcessIdentity {
  /** Paths in the root that were made for it to mount on. They are removed after it; until then they are not its own changes. */
  readonly mountPoints: readonly string[]
  /** Resolves once nothing of the process is left and all output was delivered. Rejects with the reason of an aborted signal, with
   * what `onOutput` threw, or with `RUNTIME_UNAVAILABLE` when the runtime was closed or lost; the process is gone then, too. */
  readonly ended: Promise<ExitStatus>
  /** Resolves when the process can take more. @throws {RuntimeError} `INPUT_CLOSED` */
  write(chunk: Uint8Array): Promise<void>
  /** End of its input. */
  endInput(): void
  resize(size: TerminalSize): void
  /** Sends a signal, by name or number, to it (not to its children). Nothing happens when it has ended. A first process of a PID
   * namespace gets only those that it has a handler for, and SIGKILL and SIGSTOP. */
  kill(signal: NodeJS.Signals | number): void
}

/** A process that joins another: what is not here (root, network, mounts, host names, cgroup) is that one's. */
export type ExecSpec = Pick<ProcessSpec, 'args' | 'env' | 'cwd' | 'user' | 'security' | 'limits' | 'sandbox'>

/** A runtime that keeps processes which can be talked to, joined and paused.
 *
 * `start` → `write`, `resize`, `kill` → `ended`. Another program may `exec` into it by its pid, and `pause` it. */
export interface ContainerRuntime extends Runtime {
  /** Resolves when the program was started. @throws {RuntimeError} as `run` does */
  start(process: ProcessSpec, options?: StartOptions): Promise<RunningProcess>
  /** Starts a process in the namespaces, root and cgroup of another one. A number alone is taken for whatever has that id now.
   * @throws {RuntimeError} as `run` does, and `PROCESS_GONE` when there is no such process in a PID namespace of its own any more */
  exec(target: number | ProcessIdentity, process: ExecSpec, options?: StartOptions): Promise<RunningProcess>
  /** Stops every process in the PID namespace of the target; they go on when the result is disposed, or when this program ends.
   * @throws {RuntimeError} `PROCESS_GONE` */
  pause(target: number | ProcessIdentity): Promise<AsyncDisposable>
}
