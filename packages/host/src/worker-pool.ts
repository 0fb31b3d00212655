import { basename } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ByteStream } from '@tsbuild/spec'
import { HostError } from './errors.js'
import { type PooledWorker, startWorker, type WorkerJob } from './pooled-worker.js'
import { streamJob } from './stream-job.js'

export interface WorkerPoolOptions {
  /** The compiled entry file, which calls `serveWorker`. */
  readonly entry: URL
  /** The most threads at once. */
  readonly size: number
  /** Where a bundler has put the entry file, when it is not where `entry` says. */
  readonly workerDir?: string
  /** Name of the threads, for debuggers and error texts. */
  readonly name: string
  /** How long a thread without work is kept. Default 10,000 (ms). */
  readonly idleMs?: number
}

export interface RunTaskOptions {
  /** Stops the task: `aborted()` becomes true in the worker; `run` rejects with the reason when the handler has returned. */
  readonly signal?: AbortSignal
  readonly transfer?: readonly ArrayBuffer[]
  /** What the handler posts. */
  readonly onMessage?: (message: unknown) => void
  /** Input that the handler reads with `readChunk`, a few MiB ahead at most. */
  readonly source?: ByteStream
  /** Output of `writeChunk`; while it waits, the worker does too. An error thrown here stops the task and is what `run` rejects with. */
  readonly onChunk?: (chunk: Uint8Array) => void | Promise<void>
}

/** Worker threads that are kept warm. An idle pool does not keep the program alive. */
export interface WorkerPool extends AsyncDisposable {
  /** Runs a handler of the entry file; waits for a free thread. `input` is cloned.
   * @throws what the handler threw (code, hint and cause kept), the signal's reason, or {HostError} `WORKER_CRASHED`, `WORKER_CLOSED` */
  run<Result>(method: string, input: unknown, options?: RunTaskOptions): Promise<Result>
  /** The same with the output as a stream; who stops reading stops the task. The generator returns the handler's result. */
  stream<Result>(
    method: string,
    input: unknown,
    options?: Omit<RunTaskOptions, 'onChunk'>,
  ): AsyncGenerator<Uint8Array, Result>
  /** Starts a thread ahead of need, if there is none. */
  warm(): void
}

interface Waiting {
  readonly start: (worker: PooledWorker) => void
  readonly reject: (error: unknown) => void
}

/** Makes a pool; threads start when they are needed. */
export function createWorkerPool(options: WorkerPoolOptions): WorkerPool {
  const threads = createThreads(options)
  const run = async (job: WorkerJob): Promise<unknown> => {
    const worker = await threads.take(job.signal)
    try {
      return await worker.run(job)
    } finally {
      threads.give(worker)
    }
  }
  return {
    run: <Result>(method: string, input: unknown, more: RunTaskOptions = {}) =>
      run({ method, input, ...more }) as Promise<Result>,
    stream: <Result>(method: string, input: unknown, more: Omit<RunTaskOptions, 'onChunk'> = {}) =>
      streamJob<Result>({ method, input, ...more }, run),
    warm: threads.warm,
    [Symbol.asyncDispose]: threads.close,
  }
}

function createThreads({ entry, size, workerDir, name, idleMs = 10_000 }: WorkerPoolOptions) {
  const url = workerDir === undefined ? entry : new URL(basename(entry.pathname), pathToFileURL(`${workerDir}/`))
  const all = new Set<PooledWorker>()
  const idle: { worker: PooledWorker; timer: NodeJS.Timeout }[] = []
  const queue: Waiting[] = []
  let closed = false

  const open = () => {
    const worker = startWorker(url, name)
    all.add(worker)
    void worker.exited.then(() => forget(worker))
    return worker
  }
  const forget = (worker: PooledWorker) => {
    all.delete(worker)
    const at = idle.findIndex((rested) => rested.worker === worker)
    if (at >= 0) clearTimeout(idle.splice(at, 1)[0]?.timer)
    if (!closed && all.size < size) queue.shift()?.start(open())
  }
  const rest = (worker: PooledWorker) => {
    const timer = setTimeout(() => {
      idle.splice(idle.indexOf(entry), 1)
      void worker.terminate()
    }, idleMs)
    timer.unref()
    const entry = { worker, timer }
    idle.push(entry)
  }
  return {
    take(signal?: AbortSignal): Promise<PooledWorker> {
      if (closed) return Promise.reject(closedError(name))
      if (signal?.aborted) return Promise.reject(signal.reason)
      const rested = idle.pop()
      clearTimeout(rested?.timer)
      if (rested) return Promise.resolve(rested.worker)
      if (all.size < size) return Promise.resolve(open())
      return new Promise((resolve, reject) => {
        const waiting: Waiting = {
          start(worker) {
            signal?.removeEventListener('abort', abort)
            resolve(worker)
          },
          reject,
        }
        const abort = () => {
          queue.splice(queue.indexOf(waiting), 1)
          reject(signal?.reason)
        }
        signal?.addEventListener('abort', abort, { once: true })
        queue.push(waiting)
      })
    },
    give(worker: PooledWorker): void {
      if (!all.has(worker)) return
      const next = queue.shift()
      if (next) next.start(worker)
      else rest(worker)
    },
    warm(): void {
      if (!closed && all.size === 0) rest(open())
    },
    async close(): Promise<void> {
      closed = true
      for (const waiting of queue.splice(0)) waiting.reject(closedError(name))
      for (const { timer } of idle) clearTimeout(timer)
      await Promise.all([...all].map((worker) => worker.terminate()))
    },
  }
}

function closedError(name: string): HostError {
  return new HostError('WORKER_CLOSED', `Cannot run a task in the worker pool "${name}": it is closed`)
}
