const shown = '****'

/** Hides the values of secrets in a step's output. Bytes that may be the beginning of a value are held back until the next chunk tells. */
export class SecretMask {
  readonly #values: readonly string[]
  readonly #held = new Map<string, string>()

  /** White space around a value is not part of it; an empty one hides nothing. */
  constructor(secrets: Iterable<Uint8Array>) {
    const values = [...secrets].map((data) => Buffer.from(data).toString('latin1').trim())
    this.#values = values.filter((value) => value !== '').sort((a, b) => b.length - a.length)
  }

  /** What of `chunk`, and of what was held back of this stream, may be shown now. */
  add(stream: string, chunk: Uint8Array): Uint8Array {
    if (this.#values.length === 0) return chunk
    const text = this.#hide((this.#held.get(stream) ?? '') + Buffer.from(chunk).toString('latin1'))
    const keep = this.#openLength(text)
    this.#held.set(stream, text.slice(text.length - keep))
    return Buffer.from(text.slice(0, text.length - keep), 'latin1')
  }

  /** What is still held back of a stream that has ended. */
  end(stream: string): Uint8Array {
    const rest = this.#held.get(stream) ?? ''
    this.#held.delete(stream)
    return Buffer.from(rest, 'latin1')
  }

  #hide(text: string): string {
    return this.#values.reduce((out, value) => out.replaceAll(value, shown), text)
  }

  /** Length of the longest end of `text` that a value begins with. */
  #openLength(text: string): number {
    const longest = Math.min(text.length, (this.#values[0]?.length ?? 0) - 1)
    for (let length = longest; length > 0; length--) {
      const end = text.slice(text.length - length)
      if (this.#values.some((value) => value.length > length && value.startsWith(end))) return length
    }
    return 0
  }
}
