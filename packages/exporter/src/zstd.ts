import { Worker } from 'node:worker_threads'
import type { ByteStream } from '@tsbuild/spec'
import { blocks } from './compression/blocks.js'
import { ExporterError } from './errors.js'
import type { ZstdReply, ZstdRequest } from './zstd-protocol.js'

/** Each becomes a frame of its own: readers take frames one after the other as one stream (RFC 8878, 3.1). */
const frameBytes = 4 * 1024 * 1024
const inputBytes = 256 * 1024

/** Compresses into zstd frames of 4 MiB each, in a worker thread. */
export async function* zstd(stream: ByteStream, level: number): ByteStream {
  await using thread = new ZstdThread()
  for await (const { data } of blocks(stream, frameBytes)) {
    const { chunks } = await thread.ask({ kind: 'compress', data, level }, [data.buffer as ArrayBuffer])
    yield* chunks
  }
}

/** Decompresses zstd frames in a worker thread.
 * @throws {ExporterError} `STREAM_TRUNCATED`, `STREAM_INVALID` */
export async function* unzstd(stream: ByteStream): ByteStream {
  await using thread = new ZstdThread()
  for await (const { data, last } of blocks(stream, inputBytes)) {
    let reply = await thread.ask({ kind: 'decompress', data, last }, [data.buffer as ArrayBuffer])
    for (;;) {
      yield* reply.chunks
      if (!reply.more) break
      reply = await thread.ask({ kind: 'more' }, [])
    }
  }
}

/** A worker that answers one request at a time. */
class ZstdThread implements AsyncDisposable {
  readonly #worker = new Worker(new URL('./zstd-worker.js', import.meta.url), { execArgv: [], env: {} })
  #settle: { readonly resolve: (reply: ZstdReply) => void; readonly reject: (error: Error) => void } | undefined
  #failure: Error | undefined

  constructor() {
    this.#worker.on('message', (reply: ZstdReply) => this.#take()?.resolve(reply))
    this.#worker.on('error', (error) => this.#fail(error))
    this.#worker.on('exit', () => this.#fail(new Error('the zstd thread has ended')))
  }

  async ask(
    request: ZstdRequest,
    transfer: readonly ArrayBuffer[],
  ): Promise<{ readonly chunks: readonly Uint8Array[]; readonly more: boolean }> {
    if (this.#failure !== undefined) throw this.#failure
    const reply = await new Promise<ZstdReply>((resolve, reject) => {
      this.#settle = { resolve, reject }
      this.#worker.postMessage(request, transfer)
    })
    if (reply.kind === 'done') return reply
    const truncated = reply.kind === 'truncated'
    throw new ExporterError(
      truncated ? 'STREAM_TRUNCATED' : 'STREAM_INVALID',
      `Cannot ${request.kind === 'compress' ? 'compress' : 'decompress'} zstd stream: ${truncated ? 'it ends too early' : reply.why}`,
    )
  }

  #take() {
    const settle = this.#settle
    this.#settle = undefined
    return settle
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#take()?.reject(error)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate()
  }
}
