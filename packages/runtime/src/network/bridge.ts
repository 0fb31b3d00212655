import { closeSync, constants, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { CLONE_NEWNET, createKeyLocks, O_CLOEXEC, openHost } from '@tsbuild/host'
import { RuntimeError } from '../errors.js'
import { type Nat, openNat } from './nat.js'
import { findNetworkProgram, ProgramFailed, runNetworkProgram } from './programs.js'
import { choosePool, parseDevices, parseRoutes, type Route, type Subnet, subnetAt, subnetCount } from './subnets.js'

/** Of the whole machine, since its devices and rules are. */
const stateDirectory = '/run/tsbuild'
const usualMtu = 1500
const devicePrefix = 'tsb-'
const ownDevice = /^tsb-\d+$/
const forwarding = '/proc/sys/net/ipv4/ip_forward'
/** Docker's settings of a new network: any user may take low ports and send pings. */
const namespaceSettings = {
  '/proc/sys/net/ipv4/ip_unprivileged_port_start': '0',
  '/proc/sys/net/ipv4/ping_group_range': '0 2147483647',
}

/** A network namespace that the calling thread is in, joined to the host by a pair of devices. */
export interface Bridge {
  readonly subnet: Subnet
  /** Takes device and rules away. The thread is in the host's network afterwards. */
  close(): Promise<void>
}

interface Tools {
  readonly ip: string
  readonly nat: Nat
}

/** Moves the calling thread into a network namespace of its own, from where the outside is reached under the host's address.
 * What a killed process left of its own is removed before.
 * @throws {RuntimeError} `NETWORK_UNAVAILABLE`; the thread is of no use then */
export async function openBridge(): Promise<Bridge> {
  const tools = findTools()
  const host = openHost()
  const home = openSync('/proc/thread-self/ns/net', constants.O_RDONLY | O_CLOEXEC)
  await using _lock = await lockNetworks()
  sweep(tools.nat)
  const routes = parseRoutes(readFileSync('/proc/thread-self/net/route', 'utf8'))
  const pool = choosePool(routes, (name) => ownDevice.test(name))
  if (pool === undefined)
    throw unavailable('no range of private addresses is free', 'Remove a route to one of 10.213.0.0/16')
  const taken = new Set(devices())
  const mtu = outsideMtu(routes)
  newNamespace()
  const own = openSync('/proc/thread-self/ns/net', constants.O_RDONLY | O_CLOEXEC)
  const { device, subnet } = addPair(tools.ip, pool, mtu, taken)
  host.setns(home, CLONE_NEWNET)
  const remove = () => {
    tools.nat.remove(device)
    closeSync(home)
    closeSync(own)
  }
  try {
    const { gateway, prefixLength } = subnet
    batch(tools.ip, [`addr add ${gateway}/${prefixLength} dev ${device}`, `link set ${device} up`])
    attempt('set up address translation', () => tools.nat.add(device, subnet))
  } catch (error) {
    removeDevice(tools.ip, device)
    remove()
    throw error
  }
  host.setns(own, CLONE_NEWNET)
  return {
    subnet,
    async close() {
      host.setns(home, CLONE_NEWNET)
      await using _ = await lockNetworks()
      removeDevice(tools.ip, device)
      remove()
    },
  }
}

/** @throws {RuntimeError} `NETWORK_UNAVAILABLE` */
function findTools(): Tools {
  const ip = findNetworkProgram('ip')
  if (ip === undefined) throw unavailable('the program "ip" is not there', 'Install iproute2')
  const nat = openNat()
  if (nat === undefined) throw unavailable('neither iptables nor nft is there', 'Install iptables or nftables')
  let state: string
  try {
    state = readFileSync(forwarding, 'utf8').trim()
  } catch (cause) {
    throw unavailable(`${forwarding} cannot be read`, undefined, cause)
  }
  if (state === '0')
    throw unavailable('the machine does not forward packets', 'Switch it on: sysctl -w net.ipv4.ip_forward=1')
  return { ip, nat }
}

async function lockNetworks(): Promise<AsyncDisposable> {
  try {
    mkdirSync(stateDirectory, { recursive: true, mode: 0o700 })
    return await createKeyLocks(stateDirectory).acquire('networks')
  } catch (cause) {
    throw unavailable(`${stateDirectory} cannot be written`, undefined, cause)
  }
}

/** A device goes with its namespace, also when its owner was killed; the rules do not. */
function sweep(nat: Nat): void {
  attempt('read the rules of address translation', () => {
    const present = new Set(devices())
    for (const device of new Set(nat.devices())) if (!present.has(device)) nat.remove(device)
  })
}

function devices(): string[] {
  return parseDevices(readFileSync('/proc/thread-self/net/dev', 'utf8'))
}

function newNamespace(): void {
  attempt('make a network namespace', () => openHost().unshare(CLONE_NEWNET))
  openHost().loopbackUp()
  for (const [path, value] of Object.entries(namespaceSettings)) {
    try {
      writeFileSync(path, value)
    } catch {
      // An older kernel, or a /proc/sys that is read-only.
    }
  }
}

/** Makes the pair from inside, in which the host's end is told by the process: its main thread never leaves the host's network. */
function addPair(
  ip: string,
  pool: string,
  mtu: number,
  taken: ReadonlySet<string>,
): { device: string; subnet: Subnet } {
  for (let index = 0; index < subnetCount; index++) {
    const device = `${devicePrefix}${index}`
    if (taken.has(device)) continue
    const subnet = subnetAt(pool, index)
    batch(ip, [
      `link add eth0 mtu ${mtu} type veth peer name ${device} mtu ${mtu} netns ${process.pid}`,
      `addr add ${subnet.address}/${subnet.prefixLength} dev eth0`,
      'link set eth0 up',
      `route add default via ${subnet.gateway}`,
    ])
    return { device, subnet }
  }
  throw unavailable(`all ${subnetCount} networks are in use`)
}

/** That of the device which leads outside, so that nothing larger comes to it. */
function outsideMtu(routes: readonly Route[]): number {
  const device = routes.find(({ to, mask }) => to === 0 && mask === 0)?.device
  try {
    return Number(readFileSync(`/sys/class/net/${device}/mtu`, 'utf8')) || usualMtu
  } catch {
    return usualMtu
  }
}

function batch(ip: string, lines: readonly string[]): void {
  attempt('make a pair of network devices', () => runNetworkProgram(ip, ['-batch', '-'], `${lines.join('\n')}\n`))
}

function removeDevice(ip: string, device: string): void {
  try {
    runNetworkProgram(ip, ['link', 'del', device])
  } catch (error) {
    // It goes with the namespace anyway.
    if (!(error instanceof ProgramFailed)) throw error
  }
}

function attempt<T>(what: string, action: () => T): T {
  try {
    return action()
  } catch (cause) {
    const { message, code } = cause as NodeJS.ErrnoException
    const denied = code === 'EPERM' || /not permitted|permission denied/i.test(message)
    throw unavailable(
      `this process cannot ${what} (${message.replace(/\.$/, '')})`,
      denied ? 'It takes root with CAP_NET_ADMIN and CAP_SYS_ADMIN' : undefined,
      cause,
    )
  }
}

function unavailable(state: string, hint?: string, cause?: unknown): RuntimeError {
  const remedy = hint === undefined ? '' : `${hint}; or `
  return new RuntimeError('NETWORK_UNAVAILABLE', `Cannot set up network "bridge": ${state}`, {
    hint: `${remedy}${remedy === '' ? 'Use' : 'use'} --network host or none`,
    ...(cause === undefined ? {} : { cause }),
  })
}
