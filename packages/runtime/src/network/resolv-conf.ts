import { readFileSync } from 'node:fs'
import { isIPv4 } from 'node:net'

/** systemd-resolved's list of the servers that it asks itself. */
const behindLocalResolver = '/run/systemd/resolve/resolv.conf'
/** What Docker takes where the machine names no server that a container could reach. */
const publicServers = ['8.8.8.8', '8.8.4.4']

export interface ResolverOptions {
  /** Replace the host's servers. */
  readonly servers?: readonly string[]
  /** Whether the network is another one than the host's, with IPv4 only: a server on the host's loopback can't be asked from there. */
  readonly isolated: boolean
}

/** Content of /etc/resolv.conf: the host's, with servers that can be reached. */
export function resolverConfig({ servers = [], isolated }: ResolverOptions): string {
  const host = readText('/etc/resolv.conf')
  if (servers.length > 0) return withServers(host, servers)
  if (!isolated) return host
  const found = [host, readText(behindLocalResolver)].map(reachableServers).find((list) => list.length > 0)
  return withServers(host, found ?? publicServers)
}

/** The IPv4 servers of a resolv.conf that are not on loopback. */
export function reachableServers(text: string): string[] {
  return serversOf(text).filter((server) => isIPv4(server) && !server.startsWith('127.') && server !== '0.0.0.0')
}

/** The same search list and options with other servers. */
export function withServers(text: string, servers: readonly string[]): string {
  const rest = text.split('\n').filter((line) => /^\s*(search|domain|options|sortlist)\s/.test(line))
  return [...rest, ...servers.map((server) => `nameserver ${server}`), ''].join('\n')
}

function serversOf(text: string): string[] {
  return text.split('\n').flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? [])
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
