import { openBridgeNetwork, resolverConfig } from '@tsbuild/runtime'
import type { ProcessSpec } from '@tsbuild/spec'
import type { StepNetwork } from '../api/build.js'

/** Address of `--add-host` that stands for the machine. */
const hostGateway = 'host-gateway'

export interface OpenStepNetwork extends AsyncDisposable {
  readonly spec: Pick<ProcessSpec, 'network' | 'resolvConf' | 'extraHosts'>
}

/** The network of one step, which goes with it.
 * @throws {RuntimeError} `NETWORK_UNAVAILABLE` */
export async function openStepNetwork(
  network: StepNetwork,
  extraHosts: NonNullable<ProcessSpec['extraHosts']>,
  options: { readonly workerDir?: string; readonly signal: AbortSignal },
): Promise<OpenStepNetwork> {
  if (network !== 'bridge') {
    return { spec: { network, extraHosts: hostsAt(extraHosts, '127.0.0.1') }, [Symbol.asyncDispose]: async () => {} }
  }
  const bridge = await openBridgeNetwork(options)
  const hosts = hostsAt(extraHosts, bridge.gateway)
  return {
    spec: { network: bridge.network, resolvConf: resolverConfig({ isolated: true }), extraHosts: hosts },
    [Symbol.asyncDispose]: () => bridge[Symbol.asyncDispose](),
  }
}

function hostsAt(hosts: NonNullable<ProcessSpec['extraHosts']>, machine: string) {
  return hosts.map(([name, address]) => [name, address === hostGateway ? machine : address] as const)
}
