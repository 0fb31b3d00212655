import type { RegistryAuth } from '../api.js'
import { isPull } from '../dispatch.js'
import type { Exchange } from '../exchange.js'
import { Failure } from '../failure.js'
import { findRoute } from '../routes.js'
import type { Authenticator } from './authenticator.js'
import { Tokens } from './tokens.js'

/** Where tokens are given out. */
const tokenPath = '/token'

/** Lets requests in. Where everybody needs a password, clients are asked for it (Basic). Where anybody may read, they are sent for a
 * token, with a password or without: a client that may do without a password at first would never be asked for it otherwise. */
export class Gate {
  readonly #authenticator: Authenticator
  readonly #anonymousPull: boolean
  readonly #realm: string
  readonly #tokens = new Tokens()

  constructor(authenticator: Authenticator, { anonymousPull = false, realm = 'tsbuild registry' }: RegistryAuth) {
    this.#authenticator = authenticator
    this.#anonymousPull = anonymousPull
    this.#realm = realm.replace(/["\\]/g, '\\$&')
  }

  /** Answers a request for a token; tells whether it was one.
   *  @throws {Failure} `UNAUTHORIZED`, `TOOMANYREQUESTS`, `UNSUPPORTED` */
  async token(exchange: Exchange): Promise<boolean> {
    if (!this.#anonymousPull || exchange.path !== tokenPath) return false
    if (exchange.method !== 'GET') {
      const headers = { allow: 'GET' }
      throw new Failure(405, 'UNSUPPORTED', `${exchange.method} is not possible here`, { headers })
    }
    const authorization = exchange.header('authorization')
    const user = await this.#authenticator.userOf(authorization)
    if (user === undefined && authorization !== undefined) throw this.#refused(`Basic realm="${this.#realm}"`)
    if (user !== undefined) exchange.user = user
    const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' }
    exchange.send(200, headers, this.#tokens.issue(user === undefined ? {} : { user }))
    return true
  }

  /** Notes who asks; somebody unknown may only read, and that where anybody may.
   *  @throws {Failure} `UNAUTHORIZED`, `TOOMANYREQUESTS` */
  async admit(exchange: Exchange): Promise<void> {
    const authorization = exchange.header('authorization')
    if (!this.#anonymousPull) {
      const user = await this.#authenticator.userOf(authorization)
      if (user === undefined) throw this.#refused(`Basic realm="${this.#realm}"`)
      exchange.user = user
      return
    }
    const token = /^bearer +([\w.-]+) *$/i.exec(authorization ?? '')?.[1]
    const bearer = token === undefined ? undefined : this.#tokens.read(token)
    const user = bearer === undefined ? await this.#authenticator.userOf(authorization) : bearer.user
    if (user !== undefined) exchange.user = user
    else if (!this.#isOpen(exchange, bearer !== undefined, authorization)) {
      throw this.#refused(this.#challenge(exchange, bearer === undefined ? '' : ',error="insufficient_scope"'))
    }
  }

  /** Whether somebody unknown may do this. The version check is not open, since it is where clients learn that there are tokens. */
  #isOpen(exchange: Exchange, hasToken: boolean, authorization: string | undefined): boolean {
    const route = findRoute(exchange.path)
    if (!isPull(exchange, route)) return false
    return hasToken || (authorization === undefined && route.kind !== 'version')
  }

  /** @param error why the token was not enough (RFC 6750, section 3.1): clients try again otherwise */
  #challenge(exchange: Exchange, error: string): string {
    const route = findRoute(exchange.path)
    const actions = isPull(exchange, route) ? 'pull' : 'pull,push'
    const scope = 'repository' in route ? `,scope="repository:${route.repository}:${actions}"` : ''
    return `Bearer realm="${exchange.origin}${tokenPath}",service="${this.#realm}"${scope}${error}`
  }

  #refused(challenge: string): Failure {
    return new Failure(401, 'UNAUTHORIZED', 'authentication required', { headers: { 'www-authenticate': challenge } })
  }
}
