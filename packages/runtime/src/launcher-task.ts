import type { ExitStatus, StartOptions } from '@tsbuild/spec'
import { RuntimeError } from './errors.js'
import type { LauncherReply, LauncherRequest, StartedProcess } from './launcher-protocol.js'

type Of<Kind extends LauncherReply['kind']> = Extract<LauncherReply, { kind: Kind }>

/** One process of a launcher, as the program sees it. */
export interface LauncherTask {
  readonly started: Promise<StartedProcess>
  /** Resolves when all output was delivered, too. */
  readonly ended: Promise<ExitStatus>
  write(chunk: Uint8Array): Promise<void>
  onStarted(process: StartedProcess): void
  onOutput(reply: Of<'output'>): void
  onInputTaken(open: boolean): void
  onEnded(status: ExitStatus): void
  fail(error: unknown): void
}

/** @param send to the launcher */
export function createTask(id: number, options: StartOptions, send: (request: LauncherRequest) => void): LauncherTask {
  const started = createDeferred<StartedProcess>()
  const ended = createDeferred<ExitStatus>()
  const writes: Deferred<void>[] = []
  const deliveries = new Set<Promise<void>>()
  let inputOpen = options.stdin === true || options.terminal !== undefined
  /** What `onOutput` threw. */
  let failure: { readonly error: unknown } | undefined
  const refuse = (error: unknown) => {
    failure ??= { error }
    send({ kind: 'cancel', id, graceMs: 0, discard: true })
  }
  const closeInput = () => {
    inputOpen = false
    for (const write of writes.splice(0)) write.reject(inputClosed())
  }
  return {
    started: started.promise,
    ended: ended.promise,
    write(chunk) {
      if (!inputOpen) return Promise.reject(inputClosed())
      const write = createDeferred<void>()
      writes.push(write)
      // A view would be sent with the whole of its buffer.
      send({ kind: 'input', id, chunk: Uint8Array.from(chunk) })
      return write.promise
    },
    onStarted: started.resolve,
    onOutput({ stream, chunk }) {
      const taken = () => send({ kind: 'taken', id })
      try {
        const delivery = failure ? undefined : options.onOutput?.(stream, chunk)
        if (!(delivery instanceof Promise)) return taken()
        const done: Promise<void> = delivery
          .catch(refuse)
          .then(taken)
          .finally(() => deliveries.delete(done))
        deliveries.add(done)
      } catch (error) {
        refuse(error)
        taken()
      }
    },
    onInputTaken(open) {
      const write = writes.shift()
      if (open) return write?.resolve()
      inputOpen = false
      write?.reject(inputClosed())
    },
    onEnded(status) {
      closeInput()
      const settle = () => (failure ? ended.reject(failure.error) : ended.resolve(status))
      if (deliveries.size === 0) settle()
      else void Promise.all(deliveries).then(settle)
    },
    fail(error) {
      closeInput()
      started.reject(error)
      ended.reject(error)
    },
  }
}

interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

function createDeferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  // Not everyone waits for both the start and the end.
  promise.catch(() => {})
  return { promise, resolve, reject }
}

function inputClosed(): RuntimeError {
  return new RuntimeError('INPUT_CLOSED', 'Cannot write to the process: it reads no more')
}
