import { getEnvironmentData, isMainThread, setEnvironmentData, type Worker } from 'node:worker_threads'

/** Under this name threads find the gate of their process. */
const name = 'tsbuild.load-gate'
/** How long the end of a thread waits for others that load (ms). Loading takes 12–25 ms. */
const patienceMs = 2000
/** Who ends threads has the gate for itself. */
const closed = -1

let cell: Int32Array | undefined

/** One number for all threads of the process: how many load native code now, or {@link closed}. Node aborts the whole process when a
 * thread is ended while native code of it is being loaded: what that code would throw can't be thrown any more. */
function gate(): Int32Array {
  if (cell === undefined) {
    const shared = getEnvironmentData(name)
    cell = new Int32Array(shared instanceof SharedArrayBuffer ? shared : new SharedArrayBuffer(4))
  }
  return cell
}

/** Lets the threads that are started from now on know the gate; called before each is started. */
export function shareLoadGate(): void {
  if (getEnvironmentData(name) !== undefined) return
  setEnvironmentData(name, gate().buffer as SharedArrayBuffer)
  // The end of the process ends its threads.
  if (isMainThread) process.on('exit', close)
}

/** Loads native code while nobody ends this thread. */
export function whileLoading<T>(load: () => T): T {
  const numbers = gate()
  for (;;) {
    const loading = Atomics.load(numbers, 0)
    if (loading === closed) Atomics.wait(numbers, 0, closed)
    else if (Atomics.compareExchange(numbers, 0, loading, loading + 1) === loading) break
  }
  try {
    return load()
  } finally {
    Atomics.sub(numbers, 0, 1)
    Atomics.notify(numbers, 0)
  }
}

/** Ends a thread, but not while one loads native code. Blocks for the few milliseconds that this may take.
 * @returns what `worker.terminate` gives */
export function terminateWorker(worker: Worker): Promise<number> {
  close()
  try {
    // From here on no JavaScript of the thread runs, and so it loads nothing.
    return worker.terminate()
  } finally {
    open()
  }
}

function close(): void {
  const numbers = gate()
  const until = performance.now() + patienceMs
  for (;;) {
    const loading = Atomics.compareExchange(numbers, 0, 0, closed)
    if (loading === 0 || loading === closed) return
    const left = until - performance.now()
    // Something else is wrong with that thread.
    if (left <= 0 || Atomics.wait(numbers, 0, loading, left) === 'timed-out') return
  }
}

function open(): void {
  const numbers = gate()
  Atomics.compareExchange(numbers, 0, closed, 0)
  Atomics.notify(numbers, 0)
}
