import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { ByteStream } from '@tsbuild/spec'
import { CoreError } from './errors.js'
import type { DecompressReply, DecompressRequest, ForeignCompression } from './images/load/decompress-protocol.js'

/** Decompresses xz or bzip2 in a worker thread, at the reader's pace.
 * @throws {CoreError} `ARCHIVE_INVALID`; errors of `stream` pass through */
export async function* decompressForeign(
  stream: ByteStream,
  compression: ForeignCompression,
  { workerDir }: { readonly workerDir?: string } = {},
): ByteStream {
  const name = 'decompress-worker.js'
  const entry = workerDir === undefined ? new URL('./decompress-worker.js', import.meta.url) : join(workerDir, name)
  const worker = new Worker(entry, { execArgv: [], env: {}, workerData: compression })
  const replies = new Replies(worker)
  const answer = (request: DecompressRequest) => worker.postMessage(request)
  const iterator = stream[Symbol.asyncIterator]()
  try {
    for (;;) {
      const reply = await replies.next()
      switch (reply.kind) {
        case 'end':
          return
        case 'failed':
          throw new CoreError('ARCHIVE_INVALID', `Cannot decompress ${compression} stream: ${reply.why}`)
        case 'chunk':
          yield reply.data
          answer({ kind: 'taken' })
          break
        case 'need': {
          const { done, value } = await iterator.next()
          answer({ kind: 'input', ...(done === true ? {} : { data: value }) })
        }
      }
    }
  } finally {
    await worker.terminate()
    await iterator.return?.()
  }
}

/** What a worker says, in order; that it ended or failed comes last. */
class Replies {
  readonly #queue: DecompressReply[] = []
  #wake = () => {}

  constructor(worker: Worker) {
    const add = (reply: DecompressReply) => {
      this.#queue.push(reply)
      this.#wake()
    }
    worker.on('message', add)
    worker.on('error', (error) => add({ kind: 'failed', why: error.message }))
    worker.on('exit', () => add({ kind: 'failed', why: 'its thread has ended' }))
  }

  async next(): Promise<DecompressReply> {
    for (;;) {
      const reply = this.#queue.shift()
      if (reply !== undefined) return reply
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}
