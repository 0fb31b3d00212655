import type { ContainerDetails } from '@tsbuild/core'

const never = '0001-01-01T00:00:00Z'
const nsPerSecond = 1_000_000_000

/** A container as `docker container inspect` shows it; what does not exist here is left out. */
export function containerShape(details: ContainerDetails) {
  const { id, name, imageId, image, createdAt, settings, state, logPath } = details
  const args = [...settings.entrypoint, ...settings.command]
  return {
    Id: id,
    Created: new Date(createdAt).toISOString(),
    Path: args[0] ?? '',
    Args: args.slice(1),
    State: stateShape(state),
    Image: imageId,
    LogPath: logPath,
    Name: `/${name}`,
    RestartCount: 0,
    Platform: settings.platform.split('/')[0],
    HostConfig: hostShape(settings),
    Mounts: settings.mounts.map(mountShape),
    Config: configShape(settings, image),
    NetworkSettings: networkShape(details),
  }
}

type Settings = ContainerDetails['settings']
type State = ContainerDetails['state']

function stateShape(state: State) {
  const { status, startedAt, finishedAt, exitCode = 0, error = '', process, health } = state
  return {
    Status: status,
    Running: status === 'running',
    Paused: false,
    Restarting: false,
    OOMKilled: false,
    Dead: false,
    Pid: process?.pid ?? 0,
    ExitCode: exitCode,
    Error: error,
    StartedAt: timeText(startedAt),
    FinishedAt: timeText(finishedAt),
    ...(health === undefined
      ? {}
      : {
          Health: {
            Status: health.status,
            FailingStreak: health.failingStreak,
            Log: health.probes.map(({ startedAt: start, endedAt, exitCode: code, output }) => ({
              Start: timeText(start),
              End: timeText(endedAt),
              ExitCode: code,
              Output: output,
            })),
          },
        }),
  }
}

function timeText(at: number | undefined): string {
  return at === undefined ? never : new Date(at).toISOString()
}

function hostShape(settings: Settings) {
  const { cgroup = {}, sandbox, mounts, log, extraHosts } = settings
  const securityOpt = [
    ...(sandbox.noNewPrivileges ? ['no-new-privileges'] : []),
    ...(sandbox.seccomp === 'unconfined' ? ['seccomp=unconfined'] : []),
  ]
  return {
    Binds: mounts.flatMap((mount) =>
      mount.kind === 'bind' ? [`${mount.source}:${mount.target}${mount.readonly ? ':ro' : ''}`] : [],
    ),
    LogConfig: {
      Type: 'json-file',
      Config: { 'max-size': String(log.maxSizeBytes), 'max-file': String(log.maxFiles) },
    },
    NetworkMode: settings.network,
    PortBindings: bindingsShape(settings),
    Dns: settings.dns ?? [],
    AutoRemove: settings.autoRemove,
    CapAdd: sandbox.capAdd ?? null,
    CapDrop: sandbox.capDrop ?? null,
    ExtraHosts: extraHosts.map(([host, address]) => `${host}:${address}`),
    Privileged: settings.privileged,
    PublishAllPorts: settings.publishAll,
    ReadonlyRootfs: sandbox.readonlyRoot ?? false,
    SecurityOpt: securityOpt.length === 0 ? null : securityOpt,
    ShmSize: settings.shmSizeBytes ?? 64 << 20,
    Runtime: settings.runtime ?? 'native',
    NanoCpus: Math.round((cgroup.cpus ?? 0) * nsPerSecond),
    Memory: cgroup.memoryBytes ?? 0,
    PidsLimit: cgroup.pids ?? null,
    Ulimits: settings.limits.map(({ name, soft, hard }) => ({ Name: name, Hard: hard, Soft: soft })),
    Init: settings.init,
  }
}

function mountShape(mount: Settings['mounts'][number]) {
  if (mount.kind === 'tmpfs') return { Type: 'tmpfs', Source: '', Destination: mount.target, RW: true }
  const writable = mount.readonly !== true
  return { Type: 'bind', Source: mount.source, Destination: mount.target, Mode: writable ? '' : 'ro', RW: writable }
}

function configShape(settings: Settings, image: string) {
  return {
    Hostname: settings.hostname,
    User: settings.user,
    ExposedPorts: Object.fromEntries(settings.exposed.map((port) => [port, {}])),
    Tty: settings.terminal,
    OpenStdin: settings.stdin,
    Env: settings.env,
    Cmd: settings.command,
    Image: image,
    WorkingDir: settings.cwd,
    Entrypoint: settings.entrypoint.length === 0 ? null : settings.entrypoint,
    Labels: settings.labels,
    StopSignal: settings.stopSignal,
    StopTimeout: settings.stopTimeoutSeconds,
    ...(settings.healthcheck === undefined ? {} : { Healthcheck: settings.healthcheck }),
  }
}

/** Addresses while it runs on a network of its own; empty as Docker has them otherwise. */
function networkShape(details: ContainerDetails) {
  const { address = '', gateway = '', prefixLength = 0 } = details.state.address ?? {}
  const shown = { IPAddress: address, IPPrefixLen: prefixLength, Gateway: gateway }
  const name = details.settings.network.startsWith('container:') ? undefined : details.settings.network
  return { Ports: portsShape(details), ...shown, Networks: name === undefined ? {} : { [name]: shown } }
}

/** What was asked for; a port of the host that may be any is empty. */
function bindingsShape({ publish }: Settings): Record<string, unknown> {
  const bindings: Record<string, unknown[]> = {}
  for (const { containerPort, protocol, hostAddress = '', hostPort, hostPortEnd } of publish) {
    const key = `${containerPort}/${protocol}`
    const shown = hostPort === 0 ? '' : hostPortEnd === undefined ? String(hostPort) : `${hostPort}-${hostPortEnd}`
    bindings[key] = [...(bindings[key] ?? []), { HostIp: hostAddress, HostPort: shown }]
  }
  return bindings
}

function portsShape({ settings, state }: ContainerDetails): Record<string, unknown> {
  const ports: Record<string, unknown> = Object.fromEntries(settings.exposed.map((port) => [port, null]))
  for (const { containerPort, protocol, hostAddress = '0.0.0.0', hostPort } of state.ports ?? []) {
    const key = `${containerPort}/${protocol}`
    const before = (ports[key] ?? []) as readonly unknown[]
    ports[key] = [...before, { HostIp: hostAddress, HostPort: String(hostPort) }]
  }
  return ports
}
