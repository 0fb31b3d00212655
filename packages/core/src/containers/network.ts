import { openBridgeNetwork, resolverConfig } from '@tsbuild/runtime'
import type { CallOptions, ProcessNetwork } from '@tsbuild/spec'
import type { ContainerNetwork, PublishedPort } from '../api/containers.js'
import type { EngineParts } from '../engine-parts.js'
import { CoreError } from '../errors.js'
import { findContainer } from './find-container.js'
import type { ContainerAddress, ContainerSettings } from './record.js'
import { isRunning } from './running-process.js'

/** The network of a container that is about to run. Disposed when it has ended. */
export interface OpenNetwork extends AsyncDisposable {
  readonly network: ProcessNetwork
  /** All further lines of /etc/hosts. */
  readonly extraHosts: readonly (readonly [name: string, address: string])[]
  /** Content of /etc/resolv.conf. */
  readonly resolvConf: string
  /** What was published, with the ports that were taken. */
  readonly ports: readonly PublishedPort[]
  /** Of a network of its own. */
  readonly address?: ContainerAddress
}

type Settings = Pick<ContainerSettings, 'network' | 'publish' | 'publishAll' | 'exposed' | 'extraHosts' | 'dns'>
type Parts = Pick<EngineParts, 'store' | 'options'>

/** An address of --add-host that stands for the machine. */
export const hostGateway = 'host-gateway'
const joined = 'container:'

/** Sets the network up, in the process that lives as long as the container, before the container's process starts.
 * @throws {CoreError} `CONTAINER_NOT_FOUND`, `CONTAINER_NOT_RUNNING`, `OPTION_INVALID`; {RuntimeError} `NETWORK_UNAVAILABLE`, `PORT_UNAVAILABLE` */
export async function openContainerNetwork(
  settings: Settings,
  parts: Parts,
  { signal }: CallOptions = {},
): Promise<OpenNetwork> {
  const { network } = settings
  if (network === 'bridge') return await openBridge(settings, parts, signal)
  const resolvConf = resolverConfig({ servers: settings.dns ?? [], isolated: false })
  const shared = { resolvConf, ports: [], [Symbol.asyncDispose]: async () => {} }
  if (network === 'host' || network === 'none')
    return { ...shared, network, extraHosts: hostsWith(settings, network === 'host' ? '127.0.0.1' : undefined) }
  return { ...shared, ...joinedNetwork(settings, network.slice(joined.length), parts) }
}

async function openBridge(settings: Settings, { options }: Parts, signal?: AbortSignal): Promise<OpenNetwork> {
  const bridge = await openBridgeNetwork({
    publish: [...settings.publish, ...exposedBindings(settings)],
    ...(options.workerDir === undefined ? {} : { workerDir: options.workerDir }),
    ...(signal === undefined ? {} : { signal }),
  })
  const { network, ports, address, gateway, prefixLength } = bridge
  return {
    network,
    ports: [...ports].sort(byInnerPort),
    extraHosts: hostsWith(settings, gateway),
    resolvConf: resolverConfig({ servers: settings.dns ?? [], isolated: true }),
    address: { address, gateway, prefixLength },
    [Symbol.asyncDispose]: () => bridge[Symbol.asyncDispose](),
  }
}

function byInnerPort(a: PublishedPort, b: PublishedPort): number {
  return a.containerPort - b.containerPort || a.protocol.localeCompare(b.protocol)
}

/** The network of a container that runs, by its process. */
function joinedNetwork(settings: Settings, id: string, { store }: Parts) {
  const { name, state, settings: other } = findContainer(store.containers, id)
  if (state.process === undefined || !isRunning(state.process)) {
    throw new CoreError('CONTAINER_NOT_RUNNING', `Cannot join the network of container "${name}": it does not run`, {
      hint: `Start it before: tsbuild start ${name}`,
    })
  }
  return {
    network: { kind: 'namespace', path: `/proc/${state.process.pid}/ns/net` } as const,
    extraHosts: hostsWith(settings, state.address?.gateway),
    resolvConf: resolverConfig({ servers: settings.dns ?? other.dns ?? [], isolated: other.network !== 'host' }),
  }
}

/** Ports of EXPOSE, at free ones of the host, unless they are published already. */
function exposedBindings({ publish, publishAll, exposed }: Settings): PublishedPort[] {
  if (!publishAll) return []
  return exposed.flatMap((port): PublishedPort[] => {
    const [number, protocol] = port.split('/')
    const containerPort = Number(number)
    if (protocol !== 'tcp' && protocol !== 'udp') return []
    const known = publish.some((other) => other.containerPort === containerPort && other.protocol === protocol)
    return known ? [] : [{ containerPort, protocol, hostPort: 0 }]
  })
}

/** @throws {CoreError} `OPTION_INVALID` where the machine cannot be reached */
function hostsWith({ extraHosts }: Settings, machine: string | undefined): (readonly [string, string])[] {
  return extraHosts.map(([name, address]) => {
    if (address !== hostGateway) return [name, address]
    if (machine !== undefined) return [name, machine]
    throw new CoreError('OPTION_INVALID', `Cannot use host "${name}": a container without network has no gateway`)
  })
}

/** The network by the full id of the container that it names, if it does.
 * @throws {CoreError} `OPTION_INVALID`, `CONTAINER_NOT_FOUND` */
export function checkNetwork(
  {
    network,
    publish = [],
    publishAll = false,
  }: { readonly network: ContainerNetwork; readonly publish?: readonly PublishedPort[]; readonly publishAll?: boolean },
  { store }: Pick<EngineParts, 'store'>,
): ContainerNetwork {
  for (const { containerPort, hostPort, hostPortEnd = hostPort } of publish) {
    for (const port of [containerPort, hostPort, hostPortEnd])
      if (!Number.isInteger(port) || port < 0 || port > 65535)
        throw invalid('port', String(port), 'not from 0 to 65535')
    if (containerPort === 0) throw invalid('port', '0', 'the port of a container is above 0')
  }
  if (network === 'host' || network === 'none' || network === 'bridge') return network
  if (!network.startsWith(joined))
    throw invalid('network', network, 'it is none of bridge, host, none and container:NAME')
  if (publish.length > 0 || publishAll)
    throw invalid('network', network, 'the ports of such a container are published by the other one')
  return `${joined}${findContainer(store.containers, network.slice(joined.length)).id}`
}

function invalid(what: string, value: string, state: string): CoreError {
  return new CoreError('OPTION_INVALID', `Cannot use ${what} "${value.slice(0, 200)}": ${state}`)
}
