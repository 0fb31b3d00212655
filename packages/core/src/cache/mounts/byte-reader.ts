import { invalid } from './errors.js'

/** Reads what a {@link ByteWriter} wrote. Every method throws {CoreError} `CACHE_INVALID` where that can't be. */
export class ByteReader {
  readonly #buffer: Buffer
  #at = 0

  constructor(buffer: Buffer) {
    this.#buffer = buffer
  }

  get left(): number {
    return this.#buffer.length - this.#at
  }

  byte(): number {
    const byte = this.#buffer[this.#at]
    if (byte === undefined) throw odd('it ends too early')
    this.#at++
    return byte
  }

  number(): number {
    let value = 0
    for (let factor = 1; ; factor *= 0x80) {
      const byte = this.byte()
      value += (byte & 0x7f) * factor
      if (value > Number.MAX_SAFE_INTEGER) throw odd('a number is too large')
      if (byte < 0x80) {
        if (byte === 0 && factor > 1) throw odd('a number is longer than it need be')
        return value
      }
    }
  }

  /** @param leastBytes that each of what is counted takes: so a count can't ask for memory that its input does not justify */
  count(leastBytes: number): number {
    const count = this.number()
    if (count * leastBytes > this.left) throw odd('a list is longer than its input')
    return count
  }

  long(): bigint {
    return this.#buffer.readBigInt64LE(this.#skip(8))
  }

  raw(length: number): Buffer {
    const start = this.#skip(length)
    return this.#buffer.subarray(start, this.#at)
  }

  text(length: number): string {
    const start = this.#skip(length)
    return this.#buffer.toString('latin1', start, this.#at)
  }

  /** @returns where the bytes that are skipped begin */
  #skip(length: number): number {
    if (length > this.left) throw odd('it ends too early')
    const start = this.#at
    this.#at += length
    return start
  }
}

export function odd(why: string) {
  return invalid('read the list of a cache mount', why)
}
