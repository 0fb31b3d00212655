import type { IncomingMessage, ServerResponse } from 'node:http'
import { TLSSocket } from 'node:tls'
import type { ByteStream } from '@tsbuild/spec'
import { discardBody } from './discard-body.js'
import { Failure } from './failure.js'

/** One request and its answer. */
export class Exchange {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly signal: AbortSignal
  /** Who signed in. */
  user: string | undefined
  sentBytes = 0
  /** Milliseconds without a byte until the connection is cut. */
  readonly #idleMs: number
  readonly #incoming: IncomingMessage
  readonly #outgoing: ServerResponse
  #awaitsContinue: boolean

  /** @param awaitsContinue whether the client sends the body only when it is told to
   * @param signal aborts when the client is gone */
  constructor(incoming: IncomingMessage, outgoing: ServerResponse, awaitsContinue: boolean, signal: AbortSignal) {
    this.#incoming = incoming
    this.#outgoing = outgoing
    this.#awaitsContinue = awaitsContinue
    this.signal = signal
    this.#idleMs = incoming.socket.timeout ?? 0
    this.method = incoming.method ?? 'GET'
    const [path = '/', query = ''] = splitOnce(incoming.url ?? '/', '?')
    this.path = path
    this.query = new URLSearchParams(query)
  }

  header(name: string): string | undefined {
    const value = this.#incoming.headers[name]
    return Array.isArray(value) ? value[0] : value
  }

  /** Scheme and host as the client has them, e.g. `https://registry.example.org`. */
  get origin(): string {
    const { socket } = this.#incoming
    const encrypted = socket instanceof TLSSocket || this.header('x-forwarded-proto') === 'https'
    const host = this.header('host') ?? ''
    const own = `${socket.localAddress?.includes(':') ? `[${socket.localAddress}]` : socket.localAddress}:${socket.localPort}`
    return `${encrypted ? 'https' : 'http'}://${/^[\w.:[\]-]+$/.test(host) ? host : own}`
  }

  /** Bytes that the client announces; `undefined` where it does not say.
   *  @throws {Failure} `SIZE_INVALID` */
  get contentLength(): number | undefined {
    const text = this.header('content-length')
    if (text === undefined) return undefined
    const length = Number(text)
    if (/^\d+$/.test(text) && Number.isSafeInteger(length)) return length
    throw new Failure(400, 'SIZE_INVALID', 'invalid Content-Length')
  }

  /** The body as it comes; ends with an error when the client goes away before its end, or is cut off since `signal` aborts. */
  async *body(signal?: AbortSignal): ByteStream {
    const incoming = this.#incoming
    if (this.#awaitsContinue) this.#outgoing.writeContinue()
    this.#awaitsContinue = false
    const cut = () => void incoming.destroy(signal?.reason)
    signal?.throwIfAborted()
    signal?.addEventListener('abort', cut, { once: true })
    try {
      // Who stops reading wants to answer: the connection stays.
      yield* incoming.iterator({ destroyOnReturn: false }) as ByteStream
      // Putting it away may take long; the client waits.
      incoming.setTimeout(0)
    } finally {
      signal?.removeEventListener('abort', cut)
    }
  }

  /** The whole body.
   *  @throws what `tooLarge` makes, when it has more than `limit` bytes */
  async wholeBody(limit: number, tooLarge: () => Error): Promise<Buffer> {
    if ((this.contentLength ?? 0) > limit) throw tooLarge()
    const chunks: Uint8Array[] = []
    let size = 0
    for await (const chunk of this.body()) {
      size += chunk.length
      if (size > limit) throw tooLarge()
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  }

  /** Answers with a body that is there at once; HEAD gets its headers only. */
  send(status: number, headers: Readonly<Record<string, string | number>> = {}, body?: string | Uint8Array): void {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    const sized = status === 204 || status === 304 ? {} : { 'content-length': bytes?.length ?? 0 }
    this.#begin(status, { ...sized, ...headers })
    if (bytes !== undefined && this.method !== 'HEAD') {
      this.sentBytes += bytes.length
      this.#outgoing.write(bytes)
    }
    this.#end()
  }

  /** Answers with the first `length` bytes of a stream, at the client's pace. */
  async stream(
    status: number,
    headers: Readonly<Record<string, string | number>>,
    length: number,
    open: () => ByteStream,
  ): Promise<void> {
    this.#begin(status, { ...headers, 'content-length': length })
    if (this.method !== 'HEAD' && length > 0) await this.#copy(open(), length)
    this.#end()
  }

  async #copy(data: ByteStream, length: number): Promise<void> {
    let left = length
    for await (const chunk of data) {
      const piece = chunk.length > left ? chunk.subarray(0, left) : chunk
      left -= piece.length
      this.sentBytes += piece.length
      await this.#write(piece)
      if (left === 0) return
    }
    throw new Error(`the blob ended ${left} bytes early`)
  }

  /** Resolves when the piece has left for the client: its memory is used again then. */
  #write(piece: Uint8Array): Promise<void> {
    const { signal } = this
    signal.throwIfAborted()
    return new Promise((resolve, reject) => {
      const abort = () => reject(signal.reason)
      signal.addEventListener('abort', abort, { once: true })
      this.#outgoing.write(piece, (error) => {
        signal.removeEventListener('abort', abort)
        if (error) reject(error)
        else resolve()
      })
    })
  }

  #begin(status: number, headers: Readonly<Record<string, string | number>>): void {
    this.#incoming.setTimeout(this.#idleMs)
    // A body that was never asked for does not come, so nothing else can on this connection.
    if (this.#awaitsContinue) this.#outgoing.setHeader('connection', 'close')
    this.#outgoing.writeHead(status, headers)
  }

  /** A client that still sends reads the answer before the connection may close. */
  #end(): void {
    if (this.#incoming.complete || this.#awaitsContinue) this.#outgoing.end()
    else {
      this.#outgoing.flushHeaders()
      void discardBody(this.#incoming).then(() => this.#outgoing.end())
    }
  }
}

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}
