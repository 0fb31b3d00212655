const firstBytes = 64 * 1024

/** Gathers numbers and bytes in memory that grows as needed. */
export class ByteWriter {
  #buffer = Buffer.allocUnsafe(firstBytes)
  #used = 0

  get length(): number {
    return this.#used
  }

  /** What was written; not a copy. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#used)
  }

  byte(value: number): void {
    this.#reserve(1)
    this.#buffer[this.#used++] = value
  }

  /** A whole number from 0 to 2^53-1, seven bits a byte, lowest first. */
  number(value: number): void {
    this.#reserve(8)
    let rest = value
    while (rest >= 0x80) {
      this.#buffer[this.#used++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#buffer[this.#used++] = rest
  }

  /** 64 bits with a sign. */
  long(value: bigint): void {
    this.#reserve(8)
    this.#used = this.#buffer.writeBigInt64LE(value, this.#used)
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#buffer.set(bytes, this.#used)
    this.#used += bytes.length
  }

  /** Characters up to U+00FF, a byte each, without their length. */
  text(text: string): void {
    this.#reserve(text.length)
    this.#used += this.#buffer.write(text, this.#used, 'latin1')
  }

  #reserve(length: number): void {
    if (this.#used + length <= this.#buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(2 * this.#buffer.length, this.#used + length))
    grown.set(this.bytes())
    this.#buffer = grown
  }
}
