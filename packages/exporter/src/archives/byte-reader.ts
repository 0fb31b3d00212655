import type { ByteStream } from '@tsbuild/spec'
import { ExporterError } from '../errors.js'

/** Reads a stream piece by piece. */
export class ByteReader {
  readonly #iterator: AsyncIterator<Uint8Array>
  #rest: Uint8Array = new Uint8Array()

  constructor(stream: ByteStream) {
    this.#iterator = stream[Symbol.asyncIterator]()
  }

  /** The next bytes, as many as there are at once and at most `limit`; `undefined` at the end. */
  async some(limit: number): Promise<Uint8Array | undefined> {
    while (this.#rest.length === 0) {
      const next = await this.#iterator.next()
      if (next.done === true) return undefined
      this.#rest = next.value
    }
    const piece = this.#rest.subarray(0, limit)
    this.#rest = this.#rest.subarray(piece.length)
    return piece
  }

  /** Exactly `length` bytes, or `undefined` where the stream has ended before the first of them.
   * @throws {ExporterError} `STREAM_TRUNCATED` */
  async exactly(length: number): Promise<Buffer | undefined> {
    const out = Buffer.allocUnsafe(length)
    for (let filled = 0; filled < length; ) {
      const piece = await this.some(length - filled)
      if (piece === undefined && filled === 0) return undefined
      if (piece === undefined) throw truncated()
      out.set(piece, filled)
      filled += piece.length
    }
    return out
  }

  /** Stops the source. */
  async close(): Promise<void> {
    await this.#iterator.return?.()
  }
}

export function truncated(): ExporterError {
  return new ExporterError('STREAM_TRUNCATED', 'Cannot read tar: it ends too early')
}
