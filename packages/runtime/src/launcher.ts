import { readFileSync } from 'node:fs'
import { carryError, openHost } from '@tsbuild/host'
import { startExec } from './exec.js'
import { guardProcess } from './guard.js'
import { type LauncherHome, openLauncherHome } from './launcher-home.js'
import { createPauses } from './launcher-pauses.js'
import type { LauncherRequest, SendReply } from './launcher-protocol.js'
import { type LauncherStep, watchStep } from './launcher-step.js'
import { HomeLost, type StartedStep, startStep } from './step.js'
import { type KernelFiles, readKernelFiles } from './step-kernel-files.js'

/** Starts steps on the calling thread and watches over them. */
export interface Launcher {
  handle(request: LauncherRequest): void
  /** Kills every step. */
  killAll(): void
}

interface LauncherParts {
  readonly home: LauncherHome
  readonly kernel: KernelFiles
}

/** A process that was born, perhaps, but has not executed its command yet. */
interface Joining {
  pid?: number
  cancelled: boolean
}

type Request<Kind extends LauncherRequest['kind']> = Extract<LauncherRequest, { kind: Kind }>

const SIGTERM = 15
const SIGKILL = 9

/** Makes the calling thread a launcher and tells so, or why it cannot be one. */
export function openLauncher(stateDir: string, send: SendReply): Launcher {
  const running = new Map<number, LauncherStep>()
  const joining = new Map<number, Joining>()
  const pauses = createPauses(send)
  let parts: LauncherParts | undefined
  try {
    const kernel = readKernelFiles()
    parts = { home: openLauncherHome(stateDir), kernel }
    send({ kind: 'ready' })
  } catch (error) {
    send({ kind: 'unusable', error: carryError(error) })
  }
  const fail = (id: number, error: unknown) =>
    send({ kind: 'failed', id, error: carryError(error), retired: error instanceof HomeLost })
  const watch = (id: number, started: StartedStep) => {
    const step = watchStep(id, started, send)
    running.set(id, step)
    void step.ended.finally(() => running.delete(id))
  }
  const run = ({ home, kernel }: LauncherParts, request: Request<'run'>) => {
    try {
      const started = startStep(home, kernel, request.process, request)
      watch(request.id, request.guarded ? guarded(started) : started)
    } catch (error) {
      fail(request.id, error)
    }
  }
  const exec = async ({ home }: LauncherParts, request: Request<'exec'>) => {
    const { id, target, process: spec } = request
    const state: Joining = { cancelled: false }
    joining.set(id, state)
    const onPid = (pid: number) => {
      state.pid = pid
      if (state.cancelled) openHost().kill(pid, SIGKILL)
    }
    try {
      watch(id, await startExec(home, { target, spec, stdio: request, onPid }))
    } catch (error) {
      fail(id, error)
    } finally {
      joining.delete(id)
    }
  }
  const cancelJoining = (state: Joining) => {
    state.cancelled = true
    if (state.pid !== undefined) openHost().kill(state.pid, SIGKILL)
  }
  const control = (step: LauncherStep, request: LauncherRequest) => {
    switch (request.kind) {
      case 'taken':
        return step.output.taken()
      case 'input':
        return step.write(request.chunk)
      case 'endInput':
        return step.endInput()
      case 'resize':
        return step.resize(request.size)
      case 'signal':
        return void openHost().kill(step.pid, request.signal)
      case 'cancel':
        cancel(step, request.graceMs, () => running.get(request.id) === step)
        if (request.discard) step.output.close()
    }
  }
  return {
    handle(request) {
      const { id } = request
      const step = running.get(id)
      if (step) return control(step, request)
      switch (request.kind) {
        case 'run':
          return parts && run(parts, request)
        case 'exec':
          return parts && void exec(parts, request)
        case 'pause':
          return pauses.pause(id, request.target)
        case 'resume':
          return pauses.resume(id)
        case 'input':
          return send({ kind: 'inputTaken', id, open: false })
        case 'cancel':
          if (joining.has(id)) cancelJoining(joining.get(id)!)
      }
    },
    killAll() {
      for (const { pid } of running.values()) openHost().kill(pid, SIGKILL)
      for (const state of joining.values()) cancelJoining(state)
    },
  }
}

function guarded(step: StartedStep): StartedStep {
  const guard = guardProcess(step.pid)
  return {
    ...step,
    async finish() {
      await guard?.end()
      await step.finish()
    },
  }
}

/** The process is the first of its PID namespace: signals that it has no handler for do not reach it, and with it all others end. */
function cancel({ pid }: LauncherStep, graceMs: number, isRunning: () => boolean): void {
  if (graceMs === 0 || !listensTo(pid, SIGTERM)) {
    openHost().kill(pid, SIGKILL)
    return
  }
  openHost().kill(pid, SIGTERM)
  setTimeout(() => isRunning() && openHost().kill(pid, SIGKILL), graceMs)
}

function listensTo(pid: number, signal: number): boolean {
  try {
    const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0'
    return ((BigInt(`0x${caught}`) >> BigInt(signal - 1)) & 1n) === 1n
  } catch {
    return false
  }
}
