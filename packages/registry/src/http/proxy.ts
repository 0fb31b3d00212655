import { hostname, isLoopback } from './endpoint.js'

export type Environment = Readonly<Record<string, string | undefined>>

/** The proxy for a URL by `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` (or their lower-case forms); loopback hosts have none. */
export function proxyFor(url: URL, env: Environment): URL | undefined {
  if (isLoopback(url.host) || excluded(url, variable(env, 'no_proxy'))) return undefined
  const value = variable(env, url.protocol === 'https:' ? 'https_proxy' : 'http_proxy')
  if (value === undefined) return undefined
  const full = value.includes('://') ? value : `http://${value}`
  return URL.canParse(full) ? new URL(full) : undefined
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
    const wantedPort = /^[^:]*:(\d+)$|\]:(\d+)$/.exec(entry)
    if (wantedPort && (wantedPort[1] ?? wantedPort[2]) !== port) return false
    const wanted = hostname(entry).replace(/^\*?\./, '')
    return name === wanted || name.endsWith(`.${wanted}`)
  })
}
