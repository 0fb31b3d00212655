import { readFileSync } from 'node:fs'
import { ProgramFailed, runNetworkProgram } from './programs.js'
import { parseDevices, type Route, type Subnet, subnetAt, subnetCount } from './subnets.js'
import { attempt, unavailable } from './unavailable.js'

const usualMtu = 1500
const devicePrefix = 'tsb-'

/** Whether a device is the host's end of a pair of ours, by its name. */
export function isOwnDevice(name: string): boolean {
  return /^tsb-\d+$/.test(name)
}

/** The devices of the calling thread's network namespace. */
export function devices(): string[] {
  return parseDevices(readFileSync('/proc/thread-self/net/dev', 'utf8'))
}

/** Makes the pair from inside, in which the host's end is told by the process: its main thread never leaves the host's network. */
export function addPair(
  ip: string,
  pool: string,
  mtu: number,
  taken: ReadonlySet<string>,
): { device: string; subnet: Subnet } {
  for (let index = 0; index < subnetCount; index++) {
    const device = `${devicePrefix}${index}`
    if (taken.has(device)) continue
    const subnet = subnetAt(pool, index)
    setUpDevices(ip, [
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
export function outsideMtu(routes: readonly Route[]): number {
  const device = routes.find(({ to, mask }) => to === 0 && mask === 0)?.device
  try {
    return Number(readFileSync(`/sys/class/net/${device}/mtu`, 'utf8')) || usualMtu
  } catch {
    return usualMtu
  }
}

/** Runs lines of `ip`. @throws {RuntimeError} `NETWORK_UNAVAILABLE` */
export function setUpDevices(ip: string, lines: readonly string[]): void {
  attempt('make a pair of network devices', () => runNetworkProgram(ip, ['-batch', '-'], `${lines.join('\n')}\n`))
}

export function removeDevice(ip: string, device: string): void {
  try {
    runNetworkProgram(ip, ['link', 'del', device])
  } catch (error) {
    // It goes with the namespace anyway.
    if (!(error instanceof ProgramFailed)) throw error
  }
}
