import { type MessagePort, parentPort, receiveMessageOnPort } from 'node:worker_threads'
import { carryError, restoreError } from './carried-error.js'
import { HostError } from './errors.js'
import { cells, type InputMessage, type TaskRequest, type WorkerMessage } from './worker-protocol.js'

/** What a handler in a worker thread gets besides its input. All calls are synchronous: a handler may hold another root. */
export interface WorkerTask {
  /** Whether the caller gave up; long loops ask every 1 MiB or 100 files. */
  aborted(): boolean
  /** @throws an `AbortError` once the caller gave up */
  throwIfAborted(): void
  /** The next chunk of the task's input stream, waiting for it; `undefined` at its end.
   * @throws what the stream threw; an `AbortError` */
  readChunk(): Uint8Array | undefined
  /** Sends a chunk of output, waiting while too many are on their way. About 1 MiB is a good size.
   * The chunk must not be used afterwards: if it spans its whole buffer, that is transferred.
   * @throws an `AbortError` */
  writeChunk(chunk: Uint8Array): void
  /** Sends a small message at once: progress, a log line. */
  post(message: unknown): void
}

/** Handlers by method name; a result must be cloneable, bytes in it are transferred if `transferable` says so. */
export type WorkerHandlers = Readonly<Record<string, (input: never, task: WorkerTask) => unknown>>

/** Serves a worker pool: call it once, at the top of a worker's entry file.
 * @throws {HostError} `HOST_UNSUPPORTED` outside a worker thread */
export function serveWorker(handlers: WorkerHandlers): void {
  const port = parentPort
  if (!port) throw new HostError('HOST_UNSUPPORTED', 'Cannot serve a worker pool: this is not a worker thread')
  port.on('message', (request: TaskRequest) => void serve(port, handlers, request))
  port.postMessage({ kind: 'ready' } satisfies WorkerMessage)
}

async function serve(port: MessagePort, handlers: WorkerHandlers, request: TaskRequest): Promise<void> {
  const { id } = request
  let answer: WorkerMessage
  try {
    const handler = Object.hasOwn(handlers, request.method) ? handlers[request.method] : undefined
    if (!handler)
      throw new HostError('HOST_UNSUPPORTED', `Cannot run the task "${request.method}": the worker has no such method`)
    const result = await handler(request.input as never, createTask(port, request))
    answer = { kind: 'done', id, result }
  } catch (error) {
    answer = { kind: 'failed', id, error: carryError(error) }
  }
  request.port?.close()
  port.postMessage(answer)
}

function createTask(port: MessagePort, request: TaskRequest): WorkerTask {
  const shared = new Int32Array(request.shared)
  const aborted = () => Atomics.load(shared, cells.aborted) === 1
  const throwIfAborted = () => {
    if (aborted()) throw new DOMException('This operation was aborted', 'AbortError')
  }
  const send = (message: WorkerMessage, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer)
  return {
    aborted,
    throwIfAborted,
    readChunk: chunkReader(request, shared, throwIfAborted),
    writeChunk(chunk) {
      while (Atomics.load(shared, cells.credits) <= 0) {
        throwIfAborted()
        Atomics.wait(shared, cells.credits, 0)
      }
      throwIfAborted()
      Atomics.sub(shared, cells.credits, 1)
      send({ kind: 'chunk', id: request.id, chunk }, wholeBuffer(chunk))
    },
    post: (message) => send({ kind: 'message', id: request.id, message }),
  }
}

function chunkReader({ port }: TaskRequest, shared: Int32Array, throwIfAborted: () => void): WorkerTask['readChunk'] {
  let ended = port === undefined
  const next = (from: MessagePort): InputMessage => {
    for (;;) {
      throwIfAborted()
      const seen = Atomics.load(shared, cells.input)
      const received = receiveMessageOnPort(from) as { message: InputMessage } | undefined
      if (received) return received.message
      Atomics.wait(shared, cells.input, seen)
    }
  }
  return () => {
    if (ended || !port) return undefined
    const message = next(port)
    if (message.kind === 'chunk') {
      port.postMessage('credit')
      return message.chunk
    }
    ended = true
    if (message.kind === 'error') throw restoreError(message.error)
    return undefined
  }
}

function wholeBuffer({ buffer, byteLength }: Uint8Array): ArrayBuffer[] {
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : []
}
