import { MessageChannel, Worker } from 'node:worker_threads'
import { type ByteStream, faultVariable } from '@tsbuild/spec'
import { restoreError } from './carried-error.js'
import { HostError } from './errors.js'
import { shareLoadGate, terminateWorker } from './load-gate.js'
import { feedTask } from './task-input.js'
import { cells, type TaskRequest, type WorkerMessage, windowChunks } from './worker-protocol.js'

/** One task for a worker. */
export interface WorkerJob {
  readonly method: string
  readonly input: unknown
  readonly transfer?: readonly ArrayBuffer[]
  readonly source?: ByteStream
  readonly onMessage?: (message: unknown) => void
  readonly onChunk?: (chunk: Uint8Array) => void | Promise<void>
  readonly signal?: AbortSignal
}

/** A worker thread that runs one task at a time. */
export interface PooledWorker {
  /** Rejects with what the handler threw, with the signal's reason, or with `WORKER_CRASHED`. */
  run(job: WorkerJob): Promise<unknown>
  terminate(): Promise<void>
  /** Settles when the thread is gone. */
  readonly exited: Promise<void>
}

interface Running {
  readonly job: WorkerJob
  readonly shared: Int32Array
  readonly over: AbortController
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
  /** Set by the first failure on this side. */
  failure?: { readonly error: unknown }
  /** The consumer of output, one chunk after the other. */
  output: Promise<void>
}

/** Starts the thread; while it has no task it does not keep the program alive. */
export function startWorker(entry: URL, name: string): PooledWorker {
  shareLoadGate()
  const worker = new Worker(entry, {
    name,
    execArgv: [],
    env: workerEnvironment(),
    trackUnmanagedFds: false,
    resourceLimits: { maxYoungGenerationSizeMb: 8 },
  })
  let running: Running | undefined
  let crash: unknown
  worker.unref()
  worker.on('message', (message: WorkerMessage) => {
    if (running) settle(running, message)
  })
  worker.on('error', (error) => {
    crash = error
  })
  const exited = new Promise<void>((resolve) => {
    worker.once('exit', (code) => {
      running?.reject(
        new HostError(
          'WORKER_CRASHED',
          `Cannot finish the task "${running.job.method}": its worker ended with code ${code}`,
          {
            cause: crash,
          },
        ),
      )
      resolve()
    })
  })
  return {
    exited,
    terminate: async () => {
      await terminateWorker(worker)
    },
    run(job) {
      worker.ref()
      const done = new Promise<unknown>((resolve, reject) => {
        running = start(worker, job, resolve, reject)
      })
      return done.finally(() => {
        running?.over.abort()
        running = undefined
        worker.unref()
      })
    },
  }
}

const passedOn = ['TMPDIR', 'TZ', faultVariable]

/** Nothing of the program's environment but what decides where files go, and where faults are injected. */
function workerEnvironment(): NodeJS.ProcessEnv {
  const given = passedOn.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))
  return { PATH: '/usr/bin:/bin', ...Object.fromEntries(given) }
}

let lastId = 0

function start(worker: Worker, job: WorkerJob, resolve: Running['resolve'], reject: Running['reject']): Running {
  const buffer = new SharedArrayBuffer(cells.count * 4)
  const shared = new Int32Array(buffer)
  Atomics.store(shared, cells.credits, windowChunks)
  const over = new AbortController()
  const running: Running = { job, shared, over, resolve, reject, output: Promise.resolve() }
  const request = { kind: 'task', id: ++lastId, method: job.method, input: job.input, shared: buffer } as const
  if (job.source) {
    const { port1, port2 } = new MessageChannel()
    over.signal.addEventListener('abort', () => port1.close(), { once: true })
    post(worker, { ...request, port: port2 }, [...(job.transfer ?? []), port2])
    void feedTask(port1, shared, job.source, over.signal)
  } else {
    post(worker, request, [...(job.transfer ?? [])])
  }
  const abort = () => fail(running, job.signal?.reason)
  job.signal?.addEventListener('abort', abort, { once: true })
  over.signal.addEventListener('abort', () => job.signal?.removeEventListener('abort', abort), { once: true })
  return running
}

function post(
  worker: Worker,
  request: TaskRequest,
  transfer: (ArrayBuffer | import('node:worker_threads').MessagePort)[],
): void {
  worker.postMessage(request, transfer)
}

/** Asks the task to stop; it is over when the worker says so, since only then nothing of it is left behind. */
function fail(running: Running, error: unknown): void {
  running.failure ??= { error }
  Atomics.store(running.shared, cells.aborted, 1)
  for (const cell of [cells.input, cells.credits]) {
    Atomics.add(running.shared, cell, 1)
    Atomics.notify(running.shared, cell)
  }
}

function settle(running: Running, message: WorkerMessage): void {
  switch (message.kind) {
    case 'ready':
      return
    case 'message':
      guarded(running, () => running.job.onMessage?.(message.message))
      return
    case 'chunk':
      running.output = running.output.then(() => consume(running, message.chunk))
      return
    case 'failed':
      running.reject(running.failure ? running.failure.error : restoreError(message.error))
      return
    case 'done':
      void running.output.then(() => {
        if (running.failure) running.reject(running.failure.error)
        else running.resolve(message.result)
      })
  }
}

function guarded(running: Running, action: () => void): void {
  try {
    action()
  } catch (error) {
    fail(running, error)
  }
}

async function consume(running: Running, chunk: Uint8Array): Promise<void> {
  try {
    if (!running.failure) await running.job.onChunk?.(chunk)
  } catch (error) {
    fail(running, error)
  }
  Atomics.add(running.shared, cells.credits, 1)
  Atomics.notify(running.shared, cells.credits)
}
