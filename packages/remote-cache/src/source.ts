import type { ByteStream, Descriptor } from '@tsbuild/spec'
import { verified } from './bytes.js'

/** The bytes that a caller gives, and the errors that they failed with: those go back to the caller as they are. An abort ends the
 * stream, also where it waits for bytes that don't come. */
export class Source {
  readonly #open: (offset: number) => ByteStream
  readonly #signal: AbortSignal | undefined
  #failure: { readonly error: unknown } | undefined

  constructor(open: (offset: number) => ByteStream, signal: AbortSignal | undefined) {
    this.#open = open
    this.#signal = signal
  }

  async *open(offset: number): ByteStream {
    const iterator = this.#open(offset)[Symbol.asyncIterator]()
    let abort = () => {}
    const aborted = new Promise<never>((_, reject) => {
      abort = () => reject(this.#signal?.reason)
    })
    aborted.catch(() => {})
    this.#signal?.addEventListener('abort', abort, { once: true })
    try {
      this.#signal?.throwIfAborted()
      for (;;) {
        const next = await Promise.race([this.#next(iterator), aborted])
        if (next.done) return
        yield next.value
      }
    } finally {
      this.#signal?.removeEventListener('abort', abort)
      // Not waited for: it may be in the midst of waiting for bytes.
      iterator.return?.()?.catch(() => {})
    }
  }

  /** The bytes from the start, that must be what the descriptor says.
   *  @param what begins the message of the failure `CACHE_INVALID` */
  async *whole(descriptor: Descriptor, what: string): ByteStream {
    const data = this.open(0)
    try {
      yield* verified(data, descriptor, what)
    } catch (error) {
      this.#failure ??= { error }
      throw error
    }
  }

  /** What came first, where the bytes were at fault: whatever failed for want of them is a mere consequence. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure
  }

  async #next(iterator: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
    try {
      return await iterator.next()
    } catch (error) {
      this.#failure ??= { error }
      throw error
    }
  }
}
