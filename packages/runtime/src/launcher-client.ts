import { type CarriedError, restoreError } from '@tsbuild/host'
import { type ExitStatus, type ProcessSpec, type RunOptions, TsbuildError } from '@tsbuild/spec'
import { RuntimeError, type RuntimeErrorCode } from './errors.js'
import type { LauncherReply } from './launcher-protocol.js'
import type { Transport, TransportEvents } from './transport.js'

/** One launcher, as the runtime uses it. */
export interface LauncherClient {
  /** Whether it takes further steps. */
  readonly usable: boolean
  run(process: ProcessSpec, options: RunOptions): Promise<ExitStatus>
  /** Kills the steps and ends the launcher. */
  close(): Promise<void>
}

interface RunningStep {
  readonly options: RunOptions
  readonly resolve: (status: ExitStatus) => void
  readonly reject: (error: unknown) => void
  /** What `onOutput` threw. */
  failure?: { readonly error: unknown }
}

const defaultGraceMs = 2000

/** Starts a launcher; steps may be given to it at once. */
export function openLauncherClient(open: (events: TransportEvents) => Transport): LauncherClient {
  const running = new Map<number, RunningStep>()
  let lastId = 0
  let usable = true
  let closing = false
  let idle = () => {}
  const end = (id: number): RunningStep | undefined => {
    const step = running.get(id)
    running.delete(id)
    if (running.size === 0) {
      transport.hold(false)
      idle()
    }
    return step
  }
  const giveUp = (error: unknown) => {
    usable = false
    for (const id of [...running.keys()]) end(id)?.reject(error)
  }
  const onReply = (reply: LauncherReply) => {
    switch (reply.kind) {
      case 'ready':
        return
      case 'unusable':
        return giveUp(unavailable(restoreError(reply.error)))
      case 'output':
        return deliver(reply)
      case 'ended':
        return closing ? end(reply.id)?.reject(closed()) : end(reply.id)?.resolve(reply.status)
      case 'failed':
        if (reply.retired) usable = false
        return end(reply.id)?.reject(restoreRuntimeError(reply.error))
    }
  }
  const deliver = ({ id, stream, chunk }: Extract<LauncherReply, { kind: 'output' }>) => {
    const step = running.get(id)
    try {
      if (!step?.failure) step?.options.onOutput?.(stream, chunk)
    } catch (error) {
      if (step) step.failure = { error }
      transport.send({ kind: 'cancel', id, graceMs: 0 })
    }
    transport.send({ kind: 'taken', id })
  }
  const transport = open({ onReply, onExit: (cause) => giveUp(closing ? closed() : unavailable(cause)) })
  transport.hold(false)
  return {
    get usable() {
      return usable
    },
    run(process, options) {
      const id = ++lastId
      const { signal, graceMs = defaultGraceMs } = options
      const cancel = () => transport.send({ kind: 'cancel', id, graceMs })
      const done = new Promise<ExitStatus>((resolve, reject) => {
        running.set(id, { options, resolve, reject })
      })
      const step = running.get(id)!
      transport.hold(true)
      transport.send({ kind: 'run', id, process })
      signal?.addEventListener('abort', cancel, { once: true })
      return done
        .then(
          (status) => {
            signal?.throwIfAborted()
            if (step.failure) throw step.failure.error
            return status
          },
          (error) => {
            signal?.throwIfAborted()
            throw error
          },
        )
        .finally(() => signal?.removeEventListener('abort', cancel))
    },
    async close() {
      closing = true
      usable = false
      for (const id of running.keys()) transport.send({ kind: 'cancel', id, graceMs: 0 })
      if (running.size > 0) {
        await new Promise<void>((resolve) => {
          idle = resolve
        })
      }
      await transport.close()
    },
  }
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
