import { StringDecoder } from 'node:string_decoder'

/** A line that never ends is given out in pieces of this many characters. */
const longest = 16_384

/** Turns chunks of output into lines; characters cut by a chunk's end are put together. */
export class LineReader {
  readonly #decoder = new StringDecoder('utf8')
  #rest = ''

  /** The lines that this chunk completes, without their line breaks. */
  push(chunk: Uint8Array): string[] {
    const lines = (
      this.#rest + this.#decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    ).split('\n')
    this.#rest = lines.pop() ?? ''
    while (this.#rest.length > longest) {
      lines.push(this.#rest.slice(0, longest))
      this.#rest = this.#rest.slice(longest)
    }
    return lines
  }

  /** The last line, when it had no line break. */
  end(): string[] {
    const rest = this.#rest + this.#decoder.end()
    this.#rest = ''
    return rest === '' ? [] : [rest]
  }

  /** What came since the last line break. */
  get rest(): string {
    return this.#rest
  }
}
