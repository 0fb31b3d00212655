import type { WorkerTask } from '@tsbuild/host'
import type { ByteStream } from '@tsbuild/spec'

/** One stream for a worker of several: the length of each chunk (4 bytes, little-endian) and its bytes, and a 0 after each stream. */
export async function* joinPieces(streams: Iterable<ByteStream>): ByteStream {
  for (const stream of streams) {
    for await (const chunk of stream) {
      if (chunk.length === 0) continue
      yield lengthOf(chunk.length)
      yield chunk
    }
    yield lengthOf(0)
  }
}

function lengthOf(length: number): Uint8Array {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(length)
  return bytes
}

/** The reading side, in the worker. */
export class InputPieces {
  readonly #task: Pick<WorkerTask, 'readChunk'>
  #chunk: Uint8Array = new Uint8Array(0)
  /** Of the current chunk of a piece. */
  #left = 0

  constructor(task: Pick<WorkerTask, 'readChunk'>) {
    this.#task = task
  }

  /** The next bytes of the piece, at most so many; `undefined` at its end, after which the next one begins.
   * @throws what the stream threw */
  read(most: number): Uint8Array | undefined {
    if (this.#left === 0) {
      this.#left = this.#readLength()
      if (this.#left === 0) return undefined
    }
    this.#fill()
    const bytes = this.#chunk.subarray(0, Math.min(most, this.#left))
    this.#chunk = this.#chunk.subarray(bytes.length)
    this.#left -= bytes.length
    return bytes
  }

  #readLength(): number {
    let length = 0
    for (let shift = 0; shift < 32; shift += 8) {
      this.#fill()
      length += (this.#chunk[0] ?? 0) * 2 ** shift
      this.#chunk = this.#chunk.subarray(1)
    }
    return length
  }

  #fill(): void {
    while (this.#chunk.length === 0) {
      const chunk = this.#task.readChunk()
      if (chunk === undefined) throw new Error('the input ended within a piece')
      this.#chunk = chunk
    }
  }
}
