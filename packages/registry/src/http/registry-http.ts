import type { ByteStream } from '@tsbuild/spec'
import { abortable } from '../abortable.js'
import type { Authorizer } from '../auth/authorizer.js'
import { RegistryError } from '../errors.js'
import { Attempts } from './attempts.js'
import { apiHost, speaksNoTls } from './endpoint.js'
import { connectionError, type Purpose, responseError } from './failure.js'
import type { Hosts } from './hosts.js'
import { type Redactor, redactUrl } from './redact.js'
import type { RetryPolicy } from './retry.js'
import type { HttpRequest, HttpResponse, Transport } from './transport.js'

/** A request to a registry's API. */
export interface ApiRequest {
  readonly registry: string
  readonly method: HttpRequest['method']
  /** Below the registry (`/v2/…`), or the whole URL that the registry gave. */
  readonly target: string | URL
  readonly scopes: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
  /** Made anew for each time that it is sent. */
  readonly body?: () => Uint8Array | ByteStream
  /** The server may have long work to do before it answers. */
  readonly patient?: boolean
  readonly signal?: AbortSignal | undefined
}

/** An answer, and the URL that gave it. */
export interface ApiResponse extends HttpResponse {
  readonly url: URL
}

export interface RegistryHttpOptions {
  readonly transport: Transport
  readonly authorizer: (registry: string) => Authorizer
  readonly redactor: Redactor
  readonly hosts: Hosts
  readonly headers: Readonly<Record<string, string>>
  readonly policy: RetryPolicy
}

const maxRedirects = 5

/** Sends requests to registries: finds the scheme, signs, follows redirects, retries, and tells failures. */
export class RegistryHttp {
  readonly #options: RegistryHttpOptions
  readonly #bases = new Map<string, Promise<URL>>()

  constructor(options: RegistryHttpOptions) {
    this.#options = options
  }

  attempts(signal: AbortSignal | undefined): Attempts {
    return new Attempts(this.#options.policy, signal)
  }

  /** Sends until the answer is final. Resolves with one whose status is in `wanted`.
   * @throws {RegistryError} for every other outcome */
  async call(request: ApiRequest, purpose: Purpose, wanted: readonly number[]): Promise<ApiResponse> {
    const attempts = this.attempts(request.signal)
    for (;;) {
      let response: ApiResponse
      try {
        response = await this.send(request)
      } catch (error) {
        if (await attempts.afterError(error)) continue
        throw this.connectionError(error, purpose)
      }
      if (wanted.includes(response.status)) return response
      if (!(await attempts.afterResponse(response))) throw await this.responseError(request.registry, response, purpose)
    }
  }

  /** Sends once: signed, asked again after a 401 where that helps, redirects of GET and HEAD followed. */
  async send(request: ApiRequest): Promise<ApiResponse> {
    const base = await this.#base(request.registry, request.signal)
    const authorizer = this.#options.authorizer(request.registry)
    const url = request.target instanceof URL ? request.target : new URL(request.target, base)
    // Credentials belong to the very host that the reference names: an upload may continue elsewhere, without them.
    const ours = url.origin === base.origin
    const header = ours ? await authorizer.header(request.scopes, request.signal) : undefined
    const response = await this.#sendTo(request, url, header)
    if (
      response.status === 401 &&
      ours &&
      (await authorizer.learn(response, header, request.scopes, base, request.signal))
    ) {
      response.discard()
      return this.#follow(
        request,
        await this.#sendTo(request, url, await authorizer.header(request.scopes, request.signal)),
      )
    }
    return this.#follow(request, response)
  }

  async responseError(registry: string, response: ApiResponse, purpose: Purpose): Promise<RegistryError> {
    const hint = response.status === 401 ? await this.#options.authorizer(registry).hint() : undefined
    return responseError(response, { ...purpose, host: response.url.host }, this.#options.redactor, hint)
  }

  connectionError(error: unknown, purpose: Purpose): unknown {
    return connectionError(error, purpose, this.#options.redactor)
  }

  async #follow(request: ApiRequest, first: ApiResponse): Promise<ApiResponse> {
    if (request.method !== 'GET' && request.method !== 'HEAD') return first
    let response = first
    for (let count = 0; [301, 302, 303, 307, 308].includes(response.status); count++) {
      response.discard()
      const { location } = response.headers
      const from = response.url
      const fail = (why: string) =>
        new RegistryError('REGISTRY_FAILED', `Cannot follow redirect of "${redactUrl(from)}": ${why}`)
      if (location === undefined || !URL.canParse(location, from.href)) throw fail('it names no valid location')
      if (count === maxRedirects) throw fail(`more than ${maxRedirects} redirects`)
      const to = new URL(location, from)
      if (to.protocol !== 'https:' && !(to.protocol === 'http:' && from.protocol === 'http:')) {
        throw fail(`it leads to ${to.protocol}//${to.host}, which is not secure`)
      }
      const base = await this.#base(request.registry, request.signal)
      const header =
        to.origin === base.origin
          ? await this.#options.authorizer(request.registry).header(request.scopes, request.signal)
          : undefined
      response = await this.#sendTo(request, to, header)
    }
    return response
  }

  async #sendTo(request: ApiRequest, url: URL, authorization: string | undefined): Promise<ApiResponse> {
    const { transport, headers, hosts } = this.#options
    const body = request.body?.()
    const response = await transport.send({
      method: request.method,
      url,
      headers: { ...headers, ...request.headers, ...(authorization === undefined ? {} : { authorization }) },
      tls: await hosts.tls(url.host, request.registry),
      signal: request.signal,
      ...(body === undefined ? {} : { body }),
      ...(request.patient === undefined ? {} : { patient: request.patient }),
    })
    return { ...response, url }
  }

  async #base(registry: string, signal: AbortSignal | undefined): Promise<URL> {
    let base = this.#bases.get(registry)
    if (base === undefined) {
      base = this.#findBase(apiHost(registry))
      this.#bases.set(registry, base)
      base.catch(() => this.#bases.delete(registry))
    }
    return abortable(base, signal)
  }

  /** HTTPS; where plain HTTP may take its place, whichever of the two answers, HTTPS asked first as Docker does. */
  async #findBase(host: string): Promise<URL> {
    const secure = new URL(`https://${host}/`)
    const settings = await this.#options.hosts.of(host)
    if (settings.plainHttp === 'always') return new URL(`http://${host}/`)
    if (settings.plainHttp === 'never') return secure
    try {
      const response = await this.#options.transport.send({
        method: 'GET',
        url: new URL('/v2/', secure),
        headers: this.#options.headers,
        tls: settings,
      })
      response.discard()
      return secure
    } catch (error) {
      if (!speaksNoTls(error, host)) throw error
      return new URL(`http://${host}/`)
    }
  }
}
