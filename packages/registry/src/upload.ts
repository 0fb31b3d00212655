import { type ByteStream, type Descriptor, type Digest, isDigest, type Reference } from '@tsbuild/spec'
import { RegistryError } from './errors.js'
import type { Purpose } from './http/failure.js'
import type { ApiRequest, ApiResponse, RegistryHttp } from './http/registry-http.js'
import { pullScope, pushScope } from './paths.js'

/** Up to this size a blob is sent by one PUT; a larger one by PATCH, which can be continued, and an empty PUT. */
const monolithicBytes = 1024 * 1024
/** Where something on the way refuses long requests: pieces of this size, halved as long as it refuses them, down to the least. */
const firstPieceBytes = 64 * 1024 * 1024
const leastPieceBytes = 256 * 1024

interface UploadContext {
  readonly signal: AbortSignal | undefined
  readonly purpose: Purpose
}

/** Opens an upload, or mounts the blob from another repository of the registry (distribution spec, "Pushing blobs"). */
export async function startUpload(
  http: RegistryHttp,
  { registry, repository }: Reference,
  { signal, purpose }: UploadContext,
  mount?: { readonly digest: Digest; readonly from: string },
): Promise<URL | 'mounted'> {
  const query = mount === undefined ? '' : `?${new URLSearchParams({ mount: mount.digest, from: mount.from })}`
  const scopes = [pushScope(repository), ...(mount === undefined ? [] : [pullScope(mount.from)])]
  const request: ApiRequest = {
    registry,
    method: 'POST',
    target: `/v2/${repository}/blobs/uploads/${query}`,
    scopes,
    headers: { 'content-length': '0' },
    signal,
  }
  const response = await http.call(request, purpose, [201, 202])
  response.discard()
  return response.status === 201 && mount !== undefined ? 'mounted' : locationOf(response, purpose)
}

/** The next URL of an upload, relative ones and their query included. */
function locationOf(response: ApiResponse, { what }: Purpose): URL {
  const { location } = response.headers
  const url =
    location !== undefined && URL.canParse(location, response.url.href) ? new URL(location, response.url) : undefined
  // Never from HTTPS down to HTTP.
  if (url !== undefined && (url.protocol === 'https:' || url.protocol === response.url.protocol)) return url
  response.discard()
  throw new RegistryError('REGISTRY_FAILED', `${what}: "${response.url.host}" names no valid upload location`)
}

/** One blob on its way; interruptions are bridged by asking the registry how far it got, or by a new upload. */
export class Upload {
  location: URL | undefined
  /** Most bytes of one request. */
  #piece = Number.POSITIVE_INFINITY
  readonly #http: RegistryHttp
  readonly #reference: Reference
  readonly #descriptor: Descriptor
  readonly #open: (offset: number) => ByteStream
  readonly #context: UploadContext & { readonly report: (bytes: number) => void }

  constructor(
    http: RegistryHttp,
    reference: Reference,
    descriptor: Descriptor,
    open: (offset: number) => ByteStream,
    context: UploadContext & { readonly report: (bytes: number) => void },
  ) {
    this.#http = http
    this.#reference = reference
    this.#descriptor = descriptor
    this.#open = open
    this.#context = context
  }

  /** Sends the blob and closes the upload. The upload is cancelled where that fails for good. */
  async send(): Promise<void> {
    try {
      await this.#sendAll()
    } catch (error) {
      // Not waited for: who aborts wants to go on.
      void this.cancel()
      throw error
    }
  }

  async #sendAll(): Promise<void> {
    const { signal, purpose } = this.#context
    const attempts = this.#http.attempts(signal)
    let offset = 0
    let furthest = 0
    let forgotten = false
    for (;;) {
      try {
        this.location ??= await this.#start()
        const response = await this.#step(offset)
        if (response.status === 201 || response.status === 204) return this.#finished(response)
        if (response.status === 413 && this.#smallerPieces(response)) response.discard()
        else if ((response.status === 404 || response.status === 416) && !forgotten) {
          // The registry lost the upload, or has another part of it than we think.
          forgotten = true
          response.discard()
        } else if (!(await attempts.afterResponse(response)))
          throw await this.#http.responseError(this.#reference.registry, response, purpose)
      } catch (error) {
        if (!(await attempts.afterError(error))) throw this.#http.connectionError(error, purpose)
      }
      offset = await this.#resumeOffset()
      if (offset > furthest) attempts.progressed()
      furthest = Math.max(furthest, offset)
    }
  }

  /** Tells the registry to forget the upload; whatever it answers is right. */
  async cancel(): Promise<void> {
    const { location } = this
    if (location === undefined) return
    this.location = undefined
    await this.#request('DELETE', location, { signal: AbortSignal.timeout(5_000) }).then(
      (response) => response.discard(),
      () => {},
    )
  }

  async #start(): Promise<URL | undefined> {
    const location = await startUpload(this.#http, this.#reference, this.#context)
    return location === 'mounted' ? undefined : location
  }

  /** Sends what is missing; resolves with the closing answer, or with one that failed. */
  async #step(offset: number): Promise<ApiResponse> {
    const { size } = this.#descriptor
    if (offset === 0 && size <= monolithicBytes && size <= this.#piece) return this.#close(offset)
    for (let at = offset; at < size; ) {
      const end = Math.min(size, at + this.#piece)
      const start = at
      const range = start === 0 && end === size ? {} : { 'content-range': `${start}-${end - 1}` }
      const response = await this.#request('PATCH', this.location!, {
        headers: { ...this.#bodyHeaders(end - start), ...range },
        body: () => this.#counted(start, end),
      })
      if (response.status !== 202 && response.status !== 201 && response.status !== 204) return response
      response.discard()
      this.location = locationOf(response, this.#context.purpose)
      at = end
    }
    return this.#close(size)
  }

  /** Whether it makes sense to try again with shorter requests. The distribution spec lets a registry name its least size. */
  #smallerPieces({ headers }: ApiResponse): boolean {
    const least = Math.max(leastPieceBytes, Number(headers['oci-chunk-min-length'] ?? 0) || 0)
    const next =
      this.#piece === Number.POSITIVE_INFINITY ? Math.min(firstPieceBytes, this.#descriptor.size) / 2 : this.#piece / 2
    if (next < least) return false
    this.#piece = Math.floor(next)
    return true
  }

  #close(offset: number): Promise<ApiResponse> {
    const url = new URL(this.location!)
    // Appended as text: parsing and writing a query anew would change how the registry's own state in it is escaped.
    url.search = `${url.search === '' ? '?' : `${url.search}&`}digest=${encodeURIComponent(this.#descriptor.digest)}`
    return this.#request('PUT', url, {
      headers: this.#bodyHeaders(this.#descriptor.size - offset),
      body: () => this.#counted(offset),
      patient: true,
    })
  }

  #bodyHeaders(length: number): Record<string, string> {
    return { 'content-type': 'application/octet-stream', 'content-length': String(length) }
  }

  async *#counted(offset: number, end = this.#descriptor.size): ByteStream {
    let sent = offset
    if (sent === end) return
    const last = end === this.#descriptor.size
    for await (const chunk of this.#open(offset)) {
      const piece = last ? chunk : chunk.subarray(0, end - sent)
      sent += piece.length
      if (sent > end) break
      yield piece
      this.#context.report(sent)
      if (sent === end && !last) break
    }
    if (sent !== end) {
      throw new RegistryError(
        'DIGEST_MISMATCH',
        `${this.#context.purpose.what}: its bytes are not the ${this.#descriptor.size} of its descriptor`,
      )
    }
  }

  /** Bytes that the registry has of the upload; 0, and the upload forgotten, where it does not say. */
  async #resumeOffset(): Promise<number> {
    const { location } = this
    if (location === undefined) return 0
    const response = await this.#request('GET', location, {}).catch(() => undefined)
    response?.discard()
    const range = /^(?:bytes=)?0-(\d+)$/.exec(String(response?.headers.range ?? ''))
    if (response?.status === 204 && range !== null && Number(range[1]) < this.#descriptor.size) {
      if (response.headers.location !== undefined) this.location = locationOf(response, this.#context.purpose)
      // "0-0" is what registries say of one byte and of none: one more byte is cheap to send again, a missing one is not.
      return range[1] === '0' ? this.#forget() : Number(range[1]) + 1
    }
    return this.#forget()
  }

  async #forget(): Promise<number> {
    await this.cancel()
    return 0
  }

  #request(method: ApiRequest['method'], target: URL, more: Partial<ApiRequest>): Promise<ApiResponse> {
    const { registry, repository } = this.#reference
    return this.#http.send({
      registry,
      method,
      target,
      scopes: [pushScope(repository)],
      signal: this.#context.signal,
      ...more,
    })
  }

  #finished(response: ApiResponse): void {
    response.discard()
    const told = response.headers['docker-content-digest']
    if (isDigest(told) && told !== this.#descriptor.digest) {
      throw new RegistryError('DIGEST_MISMATCH', `${this.#context.purpose.what}: "${response.url.host}" stored ${told}`)
    }
  }
}
