import type {
  CgroupLimits,
  Descriptor,
  Digest,
  HealthcheckConfig,
  ProcessIdentity,
  SeccompProfile,
  SnapshotName,
} from '@tsbuild/spec'
import type { StoredContainer } from '@tsbuild/store'
import type { ContainerMount, ContainerNetwork, HealthStatus, PublishedPort } from '../api/containers.js'

/** What a container was made with: image and options put together. It never changes. Plain JSON. */
export interface ContainerSettings {
  readonly entrypoint: readonly string[]
  readonly command: readonly string[]
  /** `NAME=value`, each name once. */
  readonly env: readonly string[]
  readonly cwd: string
  readonly user: string
  readonly hostname: string
  readonly labels: Readonly<Record<string, string>>
  readonly terminal: boolean
  readonly stdin: boolean
  readonly mounts: readonly ContainerMount[]
  readonly network: ContainerNetwork
  readonly publish: readonly PublishedPort[]
  readonly publishAll: boolean
  /** As `80/tcp`, sorted. */
  readonly exposed: readonly string[]
  readonly extraHosts: readonly (readonly [name: string, address: string])[]
  readonly dns?: readonly string[]
  readonly privileged: boolean
  readonly sandbox: StoredSandbox
  /** -1 is unlimited. */
  readonly limits: readonly { readonly name: string; readonly soft: number; readonly hard: number }[]
  readonly cgroup?: CgroupLimits
  readonly shmSizeBytes?: number
  readonly init: boolean
  /** The engine's `runtime` option at its creation. */
  readonly runtime?: string
  readonly autoRemove: boolean
  readonly stopSignal: string
  readonly stopTimeoutSeconds: number
  readonly healthcheck?: HealthcheckConfig
  /** The image's SHELL, for checks that are a line of shell. */
  readonly shell?: readonly string[]
  readonly platform: string
  readonly log: { readonly maxSizeBytes: number; readonly maxFiles: number }
}

export interface StoredSandbox {
  readonly capAdd?: readonly string[]
  readonly capDrop?: readonly string[]
  readonly noNewPrivileges?: boolean
  readonly seccomp?: 'default' | 'unconfined' | SeccompProfile
  readonly readonlyRoot?: boolean
}

/** One run of a health check. */
export interface HealthProbe {
  readonly startedAt: number
  readonly endedAt: number
  readonly exitCode: number
  /** The first 4 KiB. */
  readonly output: string
}

export interface ContainerHealth {
  readonly status: HealthStatus
  readonly failingStreak: number
  /** The last five, oldest first. */
  readonly probes: readonly HealthProbe[]
}

/** IPv4 of a container on a network of its own. */
export interface ContainerAddress {
  readonly address: string
  /** The machine, as the container sees it. */
  readonly gateway: string
  readonly prefixLength: number
}

/** What becomes of a container. While it is `running`, its monitor writes this and holds the container's lock. */
export interface ContainerState {
  /** `creating` and `removing` are never shown: who finds them with a free lock finishes the removal. */
  readonly status: 'creating' | 'created' | 'running' | 'exited' | 'removing'
  /** Milliseconds since the epoch. */
  readonly startedAt?: number
  readonly finishedAt?: number
  readonly exitCode?: number
  /** Why it could not start, or how it ended when nobody saw it. */
  readonly error?: string
  readonly process?: ProcessIdentity
  /** Paths in its root that were made to mount on: no changes of its own. They go with its process, and stay after one whose monitor
   * was killed. */
  readonly mountPoints?: readonly string[]
  readonly monitor?: ProcessIdentity
  /** The boot in which it runs. */
  readonly bootId?: string
  readonly health?: ContainerHealth
  /** Ports as they were bound, for a container that runs. */
  readonly ports?: readonly PublishedPort[]
  /** While it runs on a network of its own. */
  readonly address?: ContainerAddress
}

/** A container as the metadata database has it. */
export interface ContainerRecord {
  /** 64 hex digits. */
  readonly id: string
  readonly name: string
  /** Name of the image as it was given. */
  readonly image: string
  readonly imageId: Digest
  readonly manifest: Descriptor
  /** The image's snapshots, lowest first. */
  readonly layers: readonly SnapshotName[]
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  readonly settings: ContainerSettings
  readonly state: ContainerState
}

export function toStored({ id, name, imageId, manifest, layers, ...details }: ContainerRecord): StoredContainer {
  return { id, name, imageId, manifest, layers, details: details as unknown as StoredContainer['details'] }
}

export function fromStored({ details, ...row }: StoredContainer): ContainerRecord {
  return { ...row, ...(details as unknown as Pick<ContainerRecord, 'image' | 'createdAt' | 'settings' | 'state'>) }
}
