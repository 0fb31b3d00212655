import { request as httpRequest } from 'node:http'
import { Agent, type AgentOptions, request as httpsRequest } from 'node:https'
import type { Duplex } from 'node:stream'
import { type ConnectionOptions, connect } from 'node:tls'
import { proxyAuthorization } from './proxy.js'

type Created = (error: Error | null, stream: Duplex) => void

/** An agent whose TLS connections go through an HTTP proxy's CONNECT (RFC 9110, 9.3.6). */
export class TunnelAgent extends Agent {
  readonly #proxy: URL

  constructor(proxy: URL, options: AgentOptions) {
    super(options)
    this.#proxy = proxy
  }

  override createConnection(options: ConnectionOptions, callback: Created): undefined {
    const target = `${options.host?.includes(':') ? `[${options.host}]` : options.host}:${options.port}`
    const authorization = proxyAuthorization(this.#proxy)
    const send = this.#proxy.protocol === 'https:' ? httpsRequest : httpRequest
    const request = send({
      host: this.#proxy.hostname.replace(/^\[|\]$/g, ''),
      port: this.#proxy.port || (this.#proxy.protocol === 'https:' ? 443 : 80),
      method: 'CONNECT',
      path: target,
      headers: { host: target, ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }) },
      timeout: 30_000,
      agent: false,
    })
    const fail = (error: Error) => callback(error, undefined as unknown as Duplex)
    request.once('timeout', () => request.destroy(new Error('the proxy does not answer')))
    request.once('error', fail)
    request.once('connect', (response, socket) => {
      if (response.statusCode !== 200) {
        socket.destroy()
        return fail(new Error(`the proxy answered ${response.statusCode} to CONNECT`))
      }
      const { host, ...tls } = options
      const secure = connect({ ...tls, socket, servername: options.servername ?? host ?? '' })
      secure.once('error', fail)
      secure.once('secureConnect', () => {
        secure.removeListener('error', fail)
        callback(null, secure)
      })
    })
    request.end()
    return undefined
  }
}
