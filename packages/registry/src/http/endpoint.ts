import { isIP } from 'node:net'

/** The host that answers for a registry's name. */
export function apiHost(registry: string): string {
  return registry === 'docker.io' ? 'registry-1.docker.io' : registry
}

/** Whether a host (with or without port) is this machine itself: `localhost`, 127.0.0.0/8, ::1. */
export function isLoopback(host: string): boolean {
  const name = hostname(host)
  if (name === 'localhost' || name.endsWith('.localhost')) return true
  return isIP(name) === 4 ? name.startsWith('127.') : name === '::1'
}

/** The name in `name`, `name:port`, `[address]` or `[address]:port`. */
export function hostname(host: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(host)
  return (bracketed?.[1] ?? host.replace(/:\d+$/, '')).toLowerCase()
}

/** Whether plain HTTP and unchecked certificates are allowed for a host. */
export function isInsecure(host: string, insecure: readonly string[]): boolean {
  return isLoopback(host) || insecure.includes(host) || insecure.includes(hostname(host))
}

/** Whether a failed TLS handshake says that the server speaks plain HTTP (or that nobody listens at the default port). */
export function speaksNoTls(error: unknown, host: string): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  if (code === 'ECONNREFUSED') return !/:\d+$/.test(host)
  // An alert is TLS: the server wants other certificates, or other versions.
  return code === 'EPROTO' || code === 'ECONNRESET' || /^ERR_SSL_(?!.*_ALERT_)/.test(code)
}
