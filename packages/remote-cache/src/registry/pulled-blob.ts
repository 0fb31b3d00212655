import type { ByteStream, CallOptions, Descriptor, Reference } from '@tsbuild/spec'
import type { CacheRegistryClient } from '../options.js'

/** Gives the bytes of a blob as the client pulls them, never more than one chunk ahead. Who stops reading stops the pull. */
export async function* pulledBlob(
  client: CacheRegistryClient,
  reference: Reference,
  descriptor: Descriptor,
  { signal }: CallOptions,
): ByteStream {
  const stop = new AbortController()
  const channel = new Channel()
  const ingest = {
    offset: 0,
    write: (chunk: Uint8Array) => channel.send(chunk),
    commit: async () => {},
    [Symbol.asyncDispose]: async () => {},
  }
  const signals = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal])
  const pull = client.pullBlob(reference, descriptor, { openIngest: async () => ingest }, { signal: signals }).then(
    () => channel.end(),
    (error) => channel.end({ error }),
  )
  try {
    for (let chunk = await channel.receive(); chunk !== undefined; chunk = await channel.receive()) yield chunk
  } finally {
    stop.abort()
    channel.close()
    await pull
  }
}

/** Hands chunks from one writer to one reader. */
class Channel {
  #chunk: Uint8Array | undefined
  #end: { readonly error?: unknown } | undefined
  #closed = false
  readonly #waiting: (() => void)[] = []

  /** Resolves when the reader has taken the chunk. */
  async send(chunk: Uint8Array): Promise<void> {
    this.#chunk = chunk
    this.#wake()
    while (this.#chunk !== undefined && !this.#closed) await this.#changed()
  }

  end(end: { readonly error?: unknown } = {}): void {
    this.#end = end
    this.#wake()
  }

  close(): void {
    this.#closed = true
    this.#wake()
  }

  async receive(): Promise<Uint8Array | undefined> {
    while (this.#chunk === undefined && this.#end === undefined) await this.#changed()
    const chunk = this.#chunk
    this.#chunk = undefined
    this.#wake()
    if (chunk === undefined && this.#end !== undefined && 'error' in this.#end) throw this.#end.error
    return chunk
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => void this.#waiting.push(resolve))
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}
