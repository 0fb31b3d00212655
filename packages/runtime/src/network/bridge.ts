import { closeSync, constants, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { CLONE_NEWNET, createKeyLocks, O_CLOEXEC, openHost } from '@tsbuild/host'
import { addPair, devices, isOwnDevice, outsideMtu, removeDevice, setUpDevices } from './devices.js'
import { type Nat, openNat } from './nat.js'
import { findNetworkProgram } from './programs.js'
import { choosePool, parseRoutes, type Subnet } from './subnets.js'
import { attempt, unavailable } from './unavailable.js'

/** Of the whole machine, since its devices and rules are. */
const stateDirectory = '/run/tsbuild'
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

/** Both namespaces, open, and what joins them. */
interface Joined {
  readonly home: number
  readonly own: number
  readonly device: string
  readonly subnet: Subnet
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
  const home = openNamespace()
  try {
    await using _lock = await lockNetworks()
    return joinHost(tools, home)
  } catch (error) {
    closeSync(home)
    throw error
  }
}

/** Makes the namespace and what joins it to the host's, which `home` is open on. Where it fails, `home` is the caller's to close. */
function joinHost(tools: Tools, home: number): Bridge {
  sweep(tools.nat)
  const routes = parseRoutes(readFileSync('/proc/thread-self/net/route', 'utf8'))
  const pool = choosePool(routes, isOwnDevice)
  if (pool === undefined)
    throw unavailable('no range of private addresses is free', 'Remove a route to one of 10.213.0.0/16')
  const taken = new Set(devices())
  const mtu = outsideMtu(routes)
  newNamespace()
  const own = openNamespace()
  try {
    const { device, subnet } = addPair(tools.ip, pool, mtu, taken)
    enter(home)
    showOutside(tools, device, subnet)
    enter(own)
    return bridge(tools, { home, own, device, subnet })
  } catch (error) {
    closeSync(own)
    throw error
  }
}

function openNamespace(): number {
  return openSync('/proc/thread-self/ns/net', constants.O_RDONLY | O_CLOEXEC)
}

function enter(namespace: number): void {
  openHost().setns(namespace, CLONE_NEWNET)
}

/** From the host's side; what failed leaves nothing there. */
function showOutside({ ip, nat }: Tools, device: string, subnet: Subnet): void {
  try {
    const { gateway, prefixLength } = subnet
    setUpDevices(ip, [`addr add ${gateway}/${prefixLength} dev ${device}`, `link set ${device} up`])
    attempt('set up address translation', () => nat.add(device, subnet))
  } catch (error) {
    removeDevice(ip, device)
    nat.remove(device)
    throw error
  }
}

function bridge({ ip, nat }: Tools, { home, own, device, subnet }: Joined): Bridge {
  return {
    subnet,
    async close() {
      try {
        enter(home)
        await using _ = await lockNetworks()
        removeDevice(ip, device)
        nat.remove(device)
      } finally {
        closeSync(home)
        closeSync(own)
      }
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
