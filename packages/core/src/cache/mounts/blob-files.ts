import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { compress, decompress } from '@tsbuild/exporter'
import {
  type ByteStream,
  type CacheBackend,
  type CallOptions,
  type Descriptor,
  digestFromHex,
  TsbuildError,
} from '@tsbuild/spec'
import { readChecked } from '../transfer/read-blob.js'
import { invalid } from './errors.js'

/** What is hashed at a time: the thread is not held up by more. */
const sliceBytes = 1 << 20

/** Compresses a stream into a file.
 * @returns what the file is as a blob */
export async function compressInto(path: string, stream: ByteStream, mediaType: string): Promise<Descriptor> {
  const hash = createHash('sha256')
  let size = 0
  const file = await open(path, 'wx', 0o600)
  try {
    for await (const chunk of compress(stream, { compression: 'zstd' })) {
      for (let at = 0; at < chunk.length; at += sliceBytes) {
        const slice = chunk.subarray(at, at + sliceBytes)
        hash.update(slice)
        await file.writeFile(slice)
      }
      size += chunk.length
    }
  } finally {
    await file.close()
  }
  return { mediaType, digest: digestFromHex(hash.digest('hex')), size }
}

/** A blob's bytes, decompressed.
 * @throws {CoreError} `CACHE_INVALID`; errors of the backend pass through */
export async function* decompressBlob(backend: CacheBackend, blob: Descriptor, options: CallOptions): ByteStream {
  try {
    yield* decompress(readChecked({ backend, blob }, options), 'zstd')
  } catch (error) {
    if (!(error instanceof TsbuildError) || !error.code.startsWith('STREAM_')) throw error
    throw invalid(`read blob "${blob.digest}" of cache ${backend.title}`, 'it is damaged', error)
  }
}

/** Opens the file when it is read, so that nothing is left open when it is not. */
async function* readFrom(path: string, start: number): ByteStream {
  yield* createReadStream(path, { start })
}

/** Puts files into a backend beside whatever else is done, a few at a time; each file goes when it is there. */
export class Uploads implements AsyncDisposable {
  sentBytes = 0
  readonly #backend: CacheBackend
  readonly #most: number
  readonly #stop = new AbortController()
  readonly #signal: AbortSignal
  readonly #running = new Set<Promise<void>>()
  #failure: { readonly error: unknown } | undefined

  /** @param most how many run at once */
  constructor(backend: CacheBackend, most: number, signal: AbortSignal | undefined) {
    this.#backend = backend
    this.#most = most
    this.#signal = signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal])
  }

  /** Waits for a free place.
   * @throws the error of an earlier one */
  async add(blob: Descriptor, path: string): Promise<void> {
    while (this.#running.size >= this.#most) await Promise.race(this.#running)
    this.#throwFailure()
    const running: Promise<void> = this.#put(blob, path).finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  /** @throws the first error */
  async settled(): Promise<void> {
    await Promise.all(this.#running)
    this.#throwFailure()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#running)
  }

  async #put(blob: Descriptor, path: string): Promise<void> {
    try {
      await this.#backend.put(blob, (offset) => readFrom(path, offset), { signal: this.#signal })
      this.sentBytes += blob.size
      await rm(path, { force: true })
    } catch (error) {
      this.#failure ??= { error }
      this.#stop.abort()
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}
