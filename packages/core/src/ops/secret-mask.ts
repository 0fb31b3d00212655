const shown = '****'

/** Shorter values are left alone: they would turn up everywhere, and hiding them would tell more than it hides. In bytes. */
const shortestValue = 4

/** Hides the values of secrets in a step's output. Bytes that may be the beginning of a value are held back until the next chunk tells. */
export class SecretMask {
  /** Longest first. */
  readonly #values: readonly string[]
  readonly #held = new Map<string, string>()

  /** White space around a value is not part of it; a value of less than 4 bytes is not hidden. */
  constructor(secrets: Iterable<Uint8Array>) {
    const values = [...secrets].map((data) => Buffer.from(data).toString('latin1').trim())
    this.#values = values.filter(({ length }) => length >= shortestValue).sort((a, b) => b.length - a.length)
  }

  /** What of `chunk`, and of what was held back of this stream, may be shown now. */
  add(stream: string, chunk: Uint8Array): Uint8Array {
    if (this.#values.length === 0) return chunk
    const text = (this.#held.get(stream) ?? '') + Buffer.from(chunk).toString('latin1')
    const open = this.#openFrom(text)
    const { out, end } = this.#hide(text, open)
    this.#held.set(stream, text.slice(Math.max(open, end)))
    return Buffer.from(out, 'latin1')
  }

  /** What is still held back of a stream that has ended. */
  end(stream: string): Uint8Array {
    const rest = this.#held.get(stream) ?? ''
    this.#held.delete(stream)
    return Buffer.from(this.#hide(rest, rest.length).out, 'latin1')
  }

  /** `text` up to `limit` without values. One that begins before `limit` is hidden whole, so `end` may lie behind it. */
  #hide(text: string, limit: number): { out: string; end: number } {
    const places = this.#values.map((value) => ({ value, at: text.indexOf(value) }))
    let out = ''
    let end = 0
    for (;;) {
      // Where several begin at one place the longest is taken, which is the first.
      const next = places.reduce((best, place) => (isBefore(place, best) ? place : best), { value: '', at: -1 })
      if (next.at < 0 || next.at >= limit) return { out: out + text.slice(end, Math.max(end, limit)), end }
      out += text.slice(end, next.at) + shown
      end = next.at + next.value.length
      for (const place of places) {
        if (place.at >= 0 && place.at < end) place.at = text.indexOf(place.value, end)
      }
    }
  }

  /** Where the longest end of `text` begins that a value begins with. */
  #openFrom(text: string): number {
    const longest = Math.min(text.length, (this.#values[0]?.length ?? 0) - 1)
    for (let at = text.length - longest; at < text.length; at++) {
      const end = text.slice(at)
      if (this.#values.some((value) => value.length > end.length && value.startsWith(end))) return at
    }
    return text.length
  }
}

function isBefore(a: { readonly at: number }, b: { readonly at: number }): boolean {
  return a.at >= 0 && (b.at < 0 || a.at < b.at)
}
