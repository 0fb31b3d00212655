import { BlockList, isIP } from 'node:net'
import { RegistryError } from '../errors.js'
import { hostname, isLoopback } from './endpoint.js'
import { redactUrl } from './redact.js'

export type Environment = Readonly<Record<string, string | undefined>>

/** The proxy for a URL by `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` (or their lower-case forms); loopback hosts have none.
 * @throws {RegistryError} `SETTINGS_INVALID` for what is no http or https URL: going around it might be worse than failing */
export function proxyFor(url: URL, env: Environment): URL | undefined {
  if (isLoopback(url.host) || excluded(url, variable(env, 'no_proxy'))) return undefined
  const name = url.protocol === 'https:' ? 'https_proxy' : 'http_proxy'
  const value = variable(env, name)
  if (value === undefined) return undefined
  const full = value.includes('://') ? value : `http://${value}`
  const proxy = URL.canParse(full) ? new URL(full) : undefined
  if (proxy?.protocol === 'http:' || proxy?.protocol === 'https:') return proxy
  const shown = proxy === undefined ? '' : ` "${redactUrl(proxy)}"`
  throw new RegistryError(
    'SETTINGS_INVALID',
    `Cannot use the proxy${shown} of ${name.toUpperCase()}: it is no http or https URL`,
  )
}

/** `Proxy-Authorization` for a proxy whose URL has a user. */
export function proxyAuthorization(proxy: URL): string | undefined {
  if (proxy.username === '') return undefined
  const user = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  return `Basic ${Buffer.from(user).toString('base64')}`
}

function variable(env: Environment, name: string): string | undefined {
  return env[name] || env[name.toUpperCase()] || undefined
}

function excluded(url: URL, list: string | undefined): boolean {
  const name = hostname(url.host)
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  return (list ?? '').split(/[\s,]+/).some((entry) => {
    if (entry === '') return false
    if (entry === '*') return true
    if (entry.includes('/')) return inNetwork(name, entry)
    const wantedPort = /^[^:]*:(\d+)$|\]:(\d+)$/.exec(entry)
    if (wantedPort && (wantedPort[1] ?? wantedPort[2]) !== port) return false
    const wanted = hostname(entry).replace(/^\*?\./, '')
    return name === wanted || name.endsWith(`.${wanted}`)
  })
}

/** Whether an address is in a network such as `10.0.0.0/8`; a host's name never is. */
function inNetwork(address: string, network: string): boolean {
  const [base = '', bits = ''] = network.split('/')
  const family = isIP(base)
  if (family === 0 || isIP(address) !== family || !/^\d{1,3}$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128))
    return false
  const type = family === 4 ? 'ipv4' : 'ipv6'
  const list = new BlockList()
  list.addSubnet(base, Number(bits), type)
  return list.check(address, type)
}
