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
  | { readonly kind: 'tmpfs'; readonly target: string; readonly sizeBytes?: number }
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

/** `sandbox` is Docker's default capability set with masked paths; `insecure` keeps all of ours. */
export type SecurityMode = 'sandbox' | 'insecure'

/** A resource limit set before exec; `Infinity` is unlimited. */
export interface ResourceLimit {
  readonly name: string
  readonly soft: number
  readonly hard: number
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
  readonly network: NetworkMode
  readonly security?: SecurityMode
  readonly hostname?: string
  /** Further lines of /etc/hosts: `[name, address]`. */
  readonly extraHosts?: readonly (readonly [name: string, address: string])[]
  readonly mounts?: readonly ProcessMount[]
  readonly limits?: readonly ResourceLimit[]
  readonly shmSizeBytes?: number
}

export interface RunOptions extends CallOptions {
  /** Called as output comes; chunks are not lines. */
  readonly onOutput?: (stream: 'stdout' | 'stderr', chunk: Uint8Array) => void
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
  /** @throws {RuntimeError} `COMMAND_NOT_FOUND` (127), `COMMAND_NOT_EXECUTABLE` (126), `USER_NOT_FOUND`, `ROOT_UNUSABLE`, `MOUNT_UNUSABLE`, `LIMIT_REFUSED`, `RUNTIME_UNAVAILABLE` */
  run(process: ProcessSpec, options?: RunOptions): Promise<ExitStatus>
}
