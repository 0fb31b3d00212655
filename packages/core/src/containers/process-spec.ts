import { findInit } from '@tsbuild/runtime'
import type { ExecSpec, Mount, ProcessMount, ProcessNetwork, ProcessSpec } from '@tsbuild/spec'
import { splitEnv } from '../frontend/env.js'
import { mergeEnv } from './container-settings.js'
import type { ContainerSettings } from './record.js'

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export interface ProcessRequest {
  readonly root: Mount
  readonly args: readonly string[]
  readonly network: ProcessNetwork
  readonly extraHosts: ContainerSettings['extraHosts']
  readonly resolvConf: string
}

/** A container's own process, or one that takes its place while it does not run.
 * @throws {RuntimeError} `INIT_UNAVAILABLE` */
export function processSpec(settings: ContainerSettings, request: ProcessRequest): ProcessSpec {
  const { cgroup, shmSizeBytes, init } = settings
  return {
    ...execSpec(settings, { args: request.args }),
    root: request.root,
    network: request.network,
    hostname: settings.hostname,
    container: true,
    extraHosts: request.extraHosts,
    resolvConf: request.resolvConf,
    mounts: settings.mounts.map(processMount),
    ...(cgroup === undefined ? {} : { cgroup }),
    ...(shmSizeBytes === undefined ? {} : { shmSizeBytes }),
    ...(init ? { init: findInit() } : {}),
  }
}

export interface ExecRequest {
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly user?: string
  readonly privileged?: boolean
  readonly terminal?: boolean
}

/** A further process of a container: its environment, directory and user, unless the request says otherwise. */
export function execSpec(settings: ContainerSettings, request: ExecRequest): ExecSpec {
  const { sandbox } = settings
  const privileged = request.privileged ?? settings.privileged
  const terminal = request.terminal ?? settings.terminal
  return {
    args: request.args,
    env: environment(settings, { ...request, terminal }),
    cwd: request.cwd ?? settings.cwd,
    user: request.user ?? settings.user,
    security: privileged ? 'insecure' : 'sandbox',
    limits: settings.limits.map(({ name, soft, hard }) => ({ name, soft: limit(soft), hard: limit(hard) })),
    sandbox: privileged ? { ...sandbox, seccomp: sandbox.seccomp ?? 'unconfined', hostDevices: true } : sandbox,
  }
}

function limit(value: number): number {
  return value === -1 ? Number.POSITIVE_INFINITY : value
}

/** What Docker gives every process, then the container's own environment. */
function environment({ env, hostname }: ContainerSettings, { env: added = {}, terminal }: ExecRequest): string[] {
  const given = [`PATH=${defaultPath}`, `HOSTNAME=${hostname}`, ...(terminal ? ['TERM=xterm'] : [])]
  return mergeEnv(given, { ...Object.fromEntries(env.map(splitEnv)), ...added })
}

function processMount(mount: ContainerSettings['mounts'][number]): ProcessMount {
  if (mount.kind === 'tmpfs') return mount
  const { source, target, readonly = false } = mount
  return { kind: 'bind', source, target, readonly }
}
