import { readFileSync } from 'node:fs'
import { carryError, openHost } from '@tsbuild/host'
import { type LauncherHome, openLauncherHome } from './launcher-home.js'
import type { LauncherReply, LauncherRequest, SendReply } from './launcher-protocol.js'
import { HomeLost, type StartedStep, startStep } from './step.js'
import { waitForEnd } from './step-end.js'
import { type KernelFiles, readKernelFiles } from './step-kernel-files.js'
import { readOutput, type StepOutput } from './step-output.js'

/** Starts steps on the calling thread and watches over them. */
export interface Launcher {
  handle(request: LauncherRequest): void
  /** Kills every step. */
  killAll(): void
}

interface RunningStep {
  readonly pid: number
  readonly output: StepOutput
}

const SIGTERM = 15
const SIGKILL = 9
/** Output that something outside the step still holds open does not keep the step. */
const lingerMs = 200

/** Makes the calling thread a launcher and tells so, or why it cannot be one. */
export function openLauncher(stateDir: string, send: SendReply): Launcher {
  const running = new Map<number, RunningStep>()
  let parts: { home: LauncherHome; kernel: KernelFiles } | undefined
  try {
    const kernel = readKernelFiles()
    parts = { home: openLauncherHome(stateDir), kernel }
    send({ kind: 'ready' })
  } catch (error) {
    send({ kind: 'unusable', error: carryError(error) })
  }
  const run = ({ id, process }: Extract<LauncherRequest, { kind: 'run' }>) => {
    if (!parts) return
    try {
      const step = startStep(parts.home, parts.kernel, process)
      const output = readOutput(step, (stream, chunk) =>
        send({ kind: 'output', id, stream, chunk }, wholeBuffer(chunk)),
      )
      running.set(id, { pid: step.pid, output })
      void watch(id, step, output, send).finally(() => running.delete(id))
    } catch (error) {
      send({ kind: 'failed', id, error: carryError(error), retired: error instanceof HomeLost })
    }
  }
  return {
    handle(request) {
      const step = running.get(request.id)
      switch (request.kind) {
        case 'run':
          return run(request)
        case 'taken':
          return step?.output.taken()
        case 'cancel':
          if (step) cancel(step.pid, request.graceMs, () => running.get(request.id) === step)
      }
    },
    killAll() {
      for (const { pid } of running.values()) openHost().kill(pid, SIGKILL)
    },
  }
}

async function watch(id: number, step: StartedStep, output: StepOutput, send: SendReply): Promise<void> {
  let reply: LauncherReply
  try {
    const status = await waitForEnd(step.pid, output.ended)
    const linger = setTimeout(output.close, lingerMs)
    await output.ended
    clearTimeout(linger)
    step.finish()
    reply = { kind: 'ended', id, status }
  } catch (error) {
    output.close()
    reply = { kind: 'failed', id, error: carryError(error), retired: false }
  }
  send(reply)
}

/** The process is the first of its PID namespace: signals that it has no handler for do not reach it, and with it all others end. */
function cancel(pid: number, graceMs: number, isRunning: () => boolean): void {
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

function wholeBuffer({ buffer, byteLength }: Uint8Array): ArrayBuffer[] {
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : []
}
