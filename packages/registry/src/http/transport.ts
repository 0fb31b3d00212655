import { readFileSync } from 'node:fs'
import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import { type ConnectionOptions, rootCertificates } from 'node:tls'
import type { ByteStream } from '@tsbuild/spec'
import type { TlsSettings } from './hosts.js'
import { type Environment, proxyAuthorization, proxyFor } from './proxy.js'
import { StalledError } from './stalled-error.js'
import { TunnelAgent } from './tunnel-agent.js'

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | ByteStream
  /** For https. */
  readonly tls: TlsSettings
  /** Waits ten times as long for the answer. */
  readonly patient?: boolean
  readonly signal?: AbortSignal | undefined
}

export interface HttpResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Ends with an error where the connection breaks or stalls. Read it to its end or `discard` it. */
  readonly body: ByteStream
  discard(): void
}

/** The request's own body failed: `cause` is its error. */
export class BodyFailure extends Error {}

/** A host that drops packets is given up sooner than one that is slow to answer. */
const connectMs = 15_000

function limitConnecting(socket: Socket, limitMs: number): void {
  if (!socket.connecting) return
  const timer = setTimeout(() => socket.destroy(new StalledError(`no connection within ${limitMs} ms`)), limitMs)
  const stop = () => clearTimeout(timer)
  socket.once('connect', stop).once('close', stop)
}

/** Sends single requests on kept-alive connections; knows nothing of auth, redirects and retries. */
export class Transport implements Disposable {
  readonly #agents = new Map<string, HttpAgent>()
  readonly #env: Environment
  readonly #ca: readonly string[]
  readonly #idleMs: number

  constructor(env: Environment, ca: readonly string[], idleMs: number) {
    this.#env = env
    this.#ca = ca
    this.#idleMs = idleMs
  }

  /** Resolves with the response's head. Rejects with the connection's error, or `signal.reason`. */
  async send(request: HttpRequest): Promise<HttpResponse> {
    request.signal?.throwIfAborted()
    const { outgoing, message } = this.#start(request)
    const abort = () => outgoing.destroy(request.signal?.reason as Error)
    request.signal?.addEventListener('abort', abort, { once: true })
    const done = () => request.signal?.removeEventListener('abort', abort)
    try {
      const response = await this.#exchange(request, outgoing, message)
      response.once('close', done)
      return {
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: this.#read(response, request.signal),
        discard: () => discard(response),
      }
    } catch (error) {
      done()
      outgoing.destroy()
      if (request.signal?.aborted) throw request.signal.reason
      throw error
    }
  }

  async #exchange(
    request: HttpRequest,
    outgoing: ClientRequest,
    message: Promise<IncomingMessage>,
  ): Promise<IncomingMessage> {
    const { body } = request
    if (body === undefined || body instanceof Uint8Array) {
      outgoing.end(body)
      return this.#limited(message, request.patient ? this.#idleMs * 10 : this.#idleMs)
    }
    // An early answer (401, 413) ends the upload, also while the stream waits for its next chunk.
    let failure: { readonly error: unknown } | undefined
    let answered = false
    message.then(
      () => (answered = true),
      () => (answered = true),
    )
    const sent = this.#pump(body, outgoing, () => answered).catch((error: unknown) => {
      failure = { error }
    })
    await Promise.race([sent, message])
    // A body that fails by itself is the cause; the broken connection is only what follows from it.
    if (failure !== undefined) {
      outgoing.destroy()
      throw new BodyFailure('the body failed', { cause: failure.error })
    }
    return this.#limited(message, request.patient ? this.#idleMs * 10 : this.#idleMs)
  }

  async #pump(body: ByteStream, outgoing: ClientRequest, answered: () => boolean): Promise<void> {
    for await (const chunk of body) {
      if (answered() || outgoing.destroyed) return
      if (!outgoing.write(chunk)) await this.#drained(outgoing)
    }
    outgoing.end()
  }

  #drained(outgoing: ClientRequest): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => outgoing.destroy(new StalledError('the server takes no more bytes')), this.#idleMs)
      const settle = () => {
        clearTimeout(timer)
        outgoing.off('drain', settle).off('close', settle).off('response', settle)
        resolve()
      }
      outgoing.once('drain', settle).once('close', settle).once('response', settle)
    })
  }

  #start(request: HttpRequest): { readonly outgoing: ClientRequest; readonly message: Promise<IncomingMessage> } {
    const { url } = request
    const proxy = proxyFor(url, this.#env)
    const plain = url.protocol === 'http:'
    const via = plain ? proxy : undefined
    const authorization = via === undefined ? undefined : proxyAuthorization(via)
    const target = via ?? url
    const outgoing = (target.protocol === 'https:' ? httpsRequest : httpRequest)({
      method: request.method,
      hostname: target.hostname.replace(/^\[|\]$/g, ''),
      port: target.port || (target.protocol === 'https:' ? 443 : 80),
      path: via === undefined ? `${url.pathname}${url.search}` : url.href,
      agent: this.#agent(target.protocol === 'https:', plain ? undefined : request.tls, plain ? undefined : proxy),
      headers: {
        host: url.host,
        ...request.headers,
        ...(authorization === undefined ? {} : { 'proxy-authorization': authorization }),
      },
    })
    const message = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.once('response', resolve)
      outgoing.on('error', reject)
    })
    outgoing.once('socket', (socket) => limitConnecting(socket, Math.min(this.#idleMs, connectMs)))
    message.catch(() => {})
    return { outgoing, message }
  }

  /** `tls` is that of the registry; a proxy that is itself reached by TLS gets none of it. */
  #agent(secure: boolean, tls: TlsSettings = { insecure: false, ca: [] }, proxy: URL | undefined): HttpAgent {
    const name = JSON.stringify([secure, proxy?.href, tls.insecure, tls.ca, tls.cert])
    let agent = this.#agents.get(name)
    if (agent === undefined) {
      const options = { keepAlive: true, maxSockets: 16, scheduling: 'lifo' as const, timeout: this.#idleMs * 4 }
      const secured = { ...options, ...this.#tlsOptions(tls) }
      agent = !secure
        ? new HttpAgent(options)
        : proxy === undefined
          ? new HttpsAgent(secured)
          : new TunnelAgent(proxy, secured)
      this.#agents.set(name, agent)
    }
    return agent
  }

  #tlsOptions({ insecure, ca, cert, key }: TlsSettings): ConnectionOptions {
    const trusted = [...this.#ca, ...ca]
    return {
      rejectUnauthorized: !insecure,
      // Naming certificates replaces Node's set, in which those of NODE_EXTRA_CA_CERTS are.
      ...(trusted.length === 0 ? {} : { ca: [...rootCertificates, ...extraCertificates(), ...trusted] }),
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
    }
  }

  async #limited<T>(promise: Promise<T>, limitMs: number): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new StalledError(`it sent nothing for ${limitMs} ms`)), limitMs)
    })
    try {
      return await Promise.race([promise, late])
    } finally {
      clearTimeout(timer)
    }
  }

  async *#read(response: IncomingMessage, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
    const iterator = response[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
    try {
      for (;;) {
        const next = await this.#limited(iterator.next(), this.#idleMs)
        if (next.done) break
        yield next.value
      }
      if (!response.complete) throw Object.assign(new Error('the connection was closed early'), { code: 'ECONNRESET' })
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      throw error
    } finally {
      if (!response.complete) response.destroy()
    }
  }

  [Symbol.dispose](): void {
    for (const agent of this.#agents.values()) agent.destroy()
    this.#agents.clear()
  }
}

function extraCertificates(): readonly string[] {
  const path = process.env.NODE_EXTRA_CA_CERTS
  if (!path) return []
  try {
    return [readFileSync(path, 'utf8')]
  } catch {
    // Node has warned about the file at its start.
    return []
  }
}

/** Lets the connection be used again where the rest is short, and closes it otherwise. */
function discard(response: IncomingMessage): void {
  response.on('error', () => {})
  if (Number(response.headers['content-length'] ?? Number.POSITIVE_INFINITY) > 65_536) response.destroy()
  else response.resume()
}
