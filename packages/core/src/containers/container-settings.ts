import { hostname as machineName } from 'node:os'
import { type ContainerConfig, formatPlatform, type HealthcheckConfig, type ImageConfig } from '@tsbuild/spec'
import type { ContainerNetwork, ContainerOptions } from '../api/containers.js'
import { splitEnv } from '../frontend/env.js'
import { parsePorts } from '../frontend/ports.js'
import { checkSignal } from '../signals.js'
import { combineCommand } from './command.js'
import type { ContainerSettings } from './record.js'

const defaultStopSeconds = 10
const defaultLog = { maxSizeBytes: 20 << 20, maxFiles: 2 }

/** What a container is made with: the image's config with what was asked for on top.
 * @throws {CoreError} `OPTION_INVALID` */
export function containerSettings(
  id: string,
  image: ImageConfig,
  options: ContainerOptions,
  runtime: string | undefined,
): ContainerSettings {
  const config = image.config ?? {}
  const { entrypoint, command } = combineCommand({ entrypoint: config.Entrypoint, command: config.Cmd }, options)
  const network = options.network ?? defaultNetwork(options)
  const stopSignal = options.stopSignal ?? config.StopSignal ?? 'SIGTERM'
  checkSignal(stopSignal)
  const healthcheck = mergeHealthcheck(config.Healthcheck, options.healthcheck)
  const { cgroup, shmSizeBytes } = options
  return {
    entrypoint,
    command,
    env: mergeEnv(config.Env ?? [], options.env ?? {}),
    cwd: options.cwd ?? (config.WorkingDir || '/'),
    user: options.user ?? config.User ?? '',
    hostname: options.hostname ?? defaultHostname(id, network),
    labels: { ...config.Labels, ...options.labels },
    terminal: options.terminal ?? false,
    stdin: options.stdin ?? false,
    mounts: options.mounts ?? [],
    network,
    publish: options.publish ?? [],
    publishAll: options.publishAll ?? false,
    exposed: exposedPorts(config, options),
    extraHosts: options.extraHosts ?? [],
    ...(options.dns === undefined || options.dns.length === 0 ? {} : { dns: options.dns }),
    privileged: options.privileged ?? false,
    sandbox: options.sandbox ?? {},
    limits: (options.limits ?? []).map(({ name, soft, hard }) => ({ name, soft: stored(soft), hard: stored(hard) })),
    ...(cgroup === undefined ? {} : { cgroup }),
    ...(shmSizeBytes === undefined ? {} : { shmSizeBytes }),
    init: options.init ?? false,
    ...(runtime === undefined ? {} : { runtime }),
    autoRemove: options.autoRemove ?? false,
    stopSignal,
    stopTimeoutSeconds: options.stopTimeoutSeconds ?? defaultStopSeconds,
    ...(healthcheck === undefined ? {} : { healthcheck }),
    ...(config.Shell === undefined ? {} : { shell: config.Shell }),
    platform: formatPlatform(image),
    log: { ...defaultLog, ...options.log },
  }
}

/** JSON has no Infinity. */
function stored(limit: number): number {
  return Number.isFinite(limit) ? limit : -1
}

/** The host's, unless ports are to be published, which takes a network of the container's own. */
export function defaultNetwork({ publish = [], publishAll = false }: ContainerOptions): ContainerNetwork {
  return publish.length > 0 || publishAll ? 'bridge' : 'host'
}

/** On the host's network a container has the host's name, as with Docker. */
function defaultHostname(id: string, network: ContainerNetwork): string {
  return network === 'host' ? machineName() : id.slice(0, 12)
}

/** Of EXPOSE and of the options, in the order of their numbers. */
function exposedPorts({ ExposedPorts = {} }: ContainerConfig, { expose = [] }: ContainerOptions): string[] {
  const ports = [...Object.keys(ExposedPorts), ...parsePorts(expose)]
  return [...new Set(ports)].sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10) || a.localeCompare(b))
}

/** Later values replace earlier ones in their place; `undefined` takes a name away. */
export function mergeEnv(base: readonly string[], added: Readonly<Record<string, string | undefined>>): string[] {
  const merged = new Map<string, string | undefined>(base.map(splitEnv))
  for (const [name, value] of Object.entries(added)) merged.set(name, value)
  return [...merged].flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
}

/** Members that were asked for replace those of the image; a check of kind NONE is none. */
export function mergeHealthcheck(
  image: HealthcheckConfig | undefined,
  asked: HealthcheckConfig | 'none' | undefined,
): HealthcheckConfig | undefined {
  if (asked === 'none') return undefined
  const merged = { ...image, ...asked }
  const [kind] = merged.Test ?? []
  return kind === undefined || kind === 'NONE' ? undefined : merged
}
