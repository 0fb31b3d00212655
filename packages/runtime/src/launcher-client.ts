import { constants } from 'node:os'
import { type CarriedError, restoreError } from '@tsbuild/host'
import {
  type ExecSpec,
  type ExitStatus,
  type ProcessSpec,
  type RunningProcess,
  type RunOptions,
  type StartOptions,
  TsbuildError,
} from '@tsbuild/spec'
import { RuntimeError, type RuntimeErrorCode } from './errors.js'
import type { LauncherReply, LauncherRequest, ProcessTarget } from './launcher-protocol.js'
import { createTask, type LauncherTask } from './launcher-task.js'
import type { Transport, TransportEvents } from './transport.js'

/** One launcher, as the runtime uses it. */
export interface LauncherClient {
  /** Whether it takes further steps. */
  readonly usable: boolean
  run(process: ProcessSpec, options: RunOptions): Promise<ExitStatus>
  start(process: ProcessSpec, options: StartOptions): Promise<RunningProcess>
  exec(target: ProcessTarget, process: ExecSpec, options: StartOptions): Promise<RunningProcess>
  pause(target: ProcessTarget): Promise<AsyncDisposable>
  /** Kills the steps and ends the launcher. */
  close(): Promise<void>
}

/** What is common to everything that has an id: a process, or a pause. */
type Task = Pick<LauncherTask, 'fail'> & Partial<LauncherTask> & { onPaused?(): void; onResumed?(): void }

const defaultGraceMs = 2000

/** Starts a launcher; steps may be given to it at once. */
export function openLauncherClient(open: (events: TransportEvents) => Transport): LauncherClient {
  const tasks = new Map<number, Task>()
  let lastId = 0
  let usable = true
  let closing = false
  let idle = () => {}
  const add = (task: Task, id: number) => {
    tasks.set(id, task)
    transport.hold(true)
  }
  const take = (id: number): Task | undefined => {
    const task = tasks.get(id)
    tasks.delete(id)
    if (tasks.size === 0) {
      transport.hold(false)
      idle()
    }
    return task
  }
  const giveUp = (error: unknown) => {
    usable = false
    for (const id of [...tasks.keys()]) take(id)?.fail(error)
  }
  const onReply = (reply: LauncherReply) => {
    switch (reply.kind) {
      case 'ready':
        return
      case 'unusable':
        return giveUp(unavailable(restoreError(reply.error)))
      case 'started':
        return tasks.get(reply.id)?.onStarted?.(reply.process)
      case 'output':
        return tasks.get(reply.id)?.onOutput?.(reply)
      case 'inputTaken':
        return tasks.get(reply.id)?.onInputTaken?.(reply.open)
      case 'paused':
        return tasks.get(reply.id)?.onPaused?.()
      case 'resumed':
        return take(reply.id)?.onResumed?.()
      case 'ended':
        return closing ? take(reply.id)?.fail(closed()) : take(reply.id)?.onEnded?.(reply.status)
      case 'failed':
        if (reply.retired) usable = false
        return take(reply.id)?.fail(restoreRuntimeError(reply.error))
    }
  }
  const transport = open({ onReply, onExit: (cause) => giveUp(closing ? closed() : unavailable(cause)) })
  transport.hold(false)

  const begin = (request: LauncherRequest, options: StartOptions) => {
    const { id } = request
    const { signal, graceMs = defaultGraceMs } = options
    const task = createTask(id, options, transport.send)
    add(task, id)
    const cancel = () => transport.send({ kind: 'cancel', id, graceMs })
    transport.send(request)
    signal?.addEventListener('abort', cancel, { once: true })
    const abortedFirst = (error: unknown): never => {
      signal?.throwIfAborted()
      throw error
    }
    const ended = task.ended
      .then((status) => {
        signal?.throwIfAborted()
        return status
      }, abortedFirst)
      .finally(() => signal?.removeEventListener('abort', cancel))
    return { id, task, ended, abortedFirst }
  }
  const start = async (request: LauncherRequest, options: StartOptions): Promise<RunningProcess> => {
    const { id, task, ended, abortedFirst } = begin(request, options)
    ended.catch(() => {})
    const started = await task.started.catch(abortedFirst)
    return {
      ...started,
      ended,
      write: task.write,
      endInput: () => transport.send({ kind: 'endInput', id }),
      resize: (size) => transport.send({ kind: 'resize', id, size }),
      kill: (signal) => transport.send({ kind: 'signal', id, signal: signalNumber(signal) }),
    }
  }
  return {
    get usable() {
      return usable
    },
    run: (process, options) => begin({ kind: 'run', id: ++lastId, process }, options).ended,
    start: (process, options) =>
      start({ kind: 'run', id: ++lastId, process, guarded: true, ...stdio(options) }, options),
    exec: (target, process, options) =>
      start({ kind: 'exec', id: ++lastId, target: identity(target), process, ...stdio(options) }, options),
    async pause(target) {
      const id = ++lastId
      const ends: { paused?: () => void; resumed?: () => void } = {}
      const resumed = new Promise<void>((resolve) => {
        ends.resumed = resolve
      })
      await new Promise<void>((resolve, reject) => {
        const end = () => ends.resumed?.()
        // A launcher that is gone has let go what it had paused.
        const fail = (error: unknown) => {
          reject(error)
          end()
        }
        add({ onPaused: resolve, onResumed: end, fail }, id)
        transport.send({ kind: 'pause', id, target: identity(target) })
      })
      return {
        async [Symbol.asyncDispose]() {
          if (tasks.has(id)) transport.send({ kind: 'resume', id })
          await resumed
        },
      }
    },
    async close() {
      closing = true
      usable = false
      for (const [id, task] of tasks) {
        transport.send(task.onPaused ? { kind: 'resume', id } : { kind: 'cancel', id, graceMs: 0, discard: true })
      }
      if (tasks.size > 0) {
        await new Promise<void>((resolve) => {
          idle = resolve
        })
      }
      await transport.close()
    },
  }
}

/** A running process is a target, too, but cannot be sent as a whole. */
function identity(target: ProcessTarget): ProcessTarget {
  return typeof target === 'number' ? target : { pid: target.pid, startTime: target.startTime }
}

function stdio({ stdin, terminal }: StartOptions) {
  return { ...(stdin ? { stdin } : {}), ...(terminal ? { terminal } : {}) }
}

/** @throws {RuntimeError} `SIGNAL_UNKNOWN` */
function signalNumber(signal: NodeJS.Signals | number): number {
  const number = typeof signal === 'number' ? signal : constants.signals[signal]
  if (Number.isInteger(number) && number >= 0 && number <= 64) return number
  throw new RuntimeError('SIGNAL_UNKNOWN', `Cannot send the signal "${signal}": there is no such signal`)
}

function restoreRuntimeError(carried: CarriedError): Error {
  const error = restoreError(carried)
  if (carried.name !== 'RuntimeError' || !(error instanceof TsbuildError)) return unavailable(error)
  return new RuntimeError(error.code as RuntimeErrorCode, error.message, {
    cause: error.cause,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  })
}

function unavailable(cause: unknown): RuntimeError {
  const detail = cause instanceof Error ? cause.message : String(cause)
  return new RuntimeError('RUNTIME_UNAVAILABLE', `Cannot run processes in namespaces: ${detail}`, {
    cause,
    hint: 'It takes root with CAP_SYS_ADMIN',
  })
}

function closed(): RuntimeError {
  return new RuntimeError('RUNTIME_UNAVAILABLE', 'Cannot finish the process: the runtime was closed')
}
