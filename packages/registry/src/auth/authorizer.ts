import { abortable } from '../abortable.js'
import type { Credentials } from '../api.js'
import { RegistryError } from '../errors.js'
import type { Hosts } from '../http/hosts.js'
import { type Redactor, redactUrl } from '../http/redact.js'
import type { HttpResponse, Transport } from '../http/transport.js'
import { type Challenge, parseChallenges } from './challenge.js'
import type { FindCredentials } from './credentials.js'
import { basic, readToken, type Token, type TokenService, tokenRequest } from './token.js'

export interface AuthorizerOptions {
  readonly transport: Transport
  readonly findCredentials: FindCredentials
  readonly redactor: Redactor
  readonly hosts: Hosts
  readonly headers: Readonly<Record<string, string>>
  /** Ask for an identity token, too: for a login that lasts. */
  readonly offline?: boolean
}

/** How one registry wants to be asked, learnt from its first challenge. */
type Method =
  | { readonly kind: 'basic'; readonly header: string }
  | { readonly kind: 'bearer'; readonly service: TokenService }

/** Makes `Authorization` headers for one registry, and keeps its tokens by scope. */
export class Authorizer {
  readonly #registry: string
  readonly #options: AuthorizerOptions
  readonly #tokens = new Map<string, Promise<Token>>()
  #method: Method | undefined
  #credentials: Promise<Credentials | undefined> | undefined
  #identityToken: string | undefined

  constructor(registry: string, options: AuthorizerOptions) {
    this.#registry = registry
    this.#options = options
  }

  /** The header for a request with these scopes, as far as the registry's wishes are known. */
  async header(scopes: readonly string[], signal?: AbortSignal): Promise<string | undefined> {
    if (this.#method === undefined) return undefined
    if (this.#method.kind === 'basic') return this.#method.header
    return `Bearer ${await abortable(this.#token(this.#method.service, scopes), signal)}`
  }

  /** Learns from a 401. `used` is the header that was refused. Resolves with whether asking again makes sense. */
  async learn(
    response: HttpResponse,
    used: string | undefined,
    scopes: readonly string[],
    base: URL,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const challenges = parseChallenges(response.headers['www-authenticate'])
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer')
    if (bearer !== undefined) {
      // The registry refused this token whatever its age: forget it, and ask for a new one once.
      if (used !== undefined) this.#tokens.delete(scopes.join(' '))
      this.#method = { kind: 'bearer', service: await this.#service(bearer, base) }
      return true
    }
    if (!challenges.some(({ scheme }) => scheme === 'basic')) return false
    const credentials = await abortable(this.#find(), signal)
    if (credentials === undefined || !('password' in credentials)) return false
    const header = basic(credentials)
    this.#options.redactor.add(header.slice('Basic '.length))
    this.#method = { kind: 'basic', header }
    return header !== used
  }

  /** What the token service gave instead of the password, where it did. */
  get identityToken(): string | undefined {
    return this.#identityToken
  }

  /** Whether credentials were found, for the message of a refusal. */
  async hasCredentials(): Promise<boolean> {
    return (await this.#credentials?.catch(() => undefined)) !== undefined
  }

  async #token(service: TokenService, scopes: readonly string[]): Promise<string> {
    const key = scopes.join(' ')
    const known = await this.#tokens.get(key)
    if (known !== undefined && known.expiresAt > Date.now()) return known.value
    const pending = this.#fetch(service, scopes)
    this.#tokens.set(key, pending)
    // A failure is told to who waits for it, and not remembered.
    pending.catch(() => this.#tokens.get(key) === pending && this.#tokens.delete(key))
    return (await pending).value
  }

  async #fetch(service: TokenService, scopes: readonly string[]): Promise<Token> {
    const { transport, redactor, hosts, headers } = this.#options
    const request = tokenRequest(service, scopes, await this.#find(), this.#options.offline)
    redactor.add(request.headers.authorization?.slice('Basic '.length))
    const response = await transport.send({
      ...request,
      headers: {
        ...headers,
        ...request.headers,
        accept: 'application/json',
        'content-length': String(request.body?.length ?? 0),
      },
      tls: await hosts.tls(service.realm.host, this.#registry),
    })
    if (response.status === 200) {
      const token = await readToken(response, request.url, Date.now())
      redactor.add(token.value, token.identityToken)
      this.#identityToken = token.identityToken ?? this.#identityToken
      return token
    }
    response.discard()
    const { status } = response
    const what = `Cannot get a token for "${this.#registry}" from "${redactUrl(request.url)}": it answered ${status}`
    if (status === 401 || status === 403 || status === 400)
      throw new RegistryError('REGISTRY_UNAUTHORIZED', what, { hint: await this.hint() })
    throw Object.assign(new RegistryError(status === 429 ? 'TOO_MANY_REQUESTS' : 'REGISTRY_FAILED', what), { status })
  }

  /** What to do about a refusal. */
  async hint(): Promise<string> {
    return (await this.hasCredentials())
      ? `Check the user and password for "${this.#registry}"`
      : `Log in with "${['tsbuild login', ...(this.#registry === 'docker.io' ? [] : [this.#registry])].join(' ')}"`
  }

  /** Credentials go to any host that the registry names, as docker's do, but never by a less safe way than to the registry itself. */
  async #service(challenge: Challenge, base: URL): Promise<TokenService> {
    const { realm = '', service } = challenge.parameters
    const url = URL.canParse(realm) ? new URL(realm) : undefined
    const plain = url?.protocol === 'http:' && base.protocol === 'http:' && (await this.#mayBePlain(url.host))
    if (url === undefined || (url.protocol !== 'https:' && !plain)) {
      throw new RegistryError(
        'REGISTRY_FAILED',
        `Cannot get a token for "${this.#registry}": the registry names no token service that is reached by HTTPS`,
      )
    }
    return { realm: url, ...(service === undefined ? {} : { service }) }
  }

  async #mayBePlain(host: string): Promise<boolean> {
    return (await this.#options.hosts.of(host)).plainHttp !== 'never'
  }

  #find(): Promise<Credentials | undefined> {
    this.#credentials ??= this.#options.findCredentials(this.#registry).then((found) => {
      if (found !== undefined) this.#options.redactor.add('password' in found ? found.password : found.identityToken)
      return found
    })
    this.#credentials.catch(() => {
      this.#credentials = undefined
    })
    return this.#credentials
  }
}
