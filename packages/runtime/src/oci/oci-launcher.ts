import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { carryError, openHost } from '@tsbuild/host'
import type { ExitStatus, ProcessSpec } from '@tsbuild/spec'
import { RuntimeError } from '../errors.js'
import { type LauncherHome, openLauncherHome } from '../launcher-home.js'
import type { LauncherReply, LauncherRequest, SendReply } from '../launcher-protocol.js'
import { HomeLost } from '../step.js'
import { waitForEnd } from '../step-end.js'
import { readOutput, type StepOutput } from '../step-output.js'
import { isAnnouncement, type OciFailure } from './oci-failure.js'
import { createOciPrograms, type OciProgram, type OciPrograms } from './oci-programs.js'
import { createContainerIds, deleteContainer, deleteLeftovers } from './oci-states.js'
import { type StartedOciStep, startOciStep } from './oci-step.js'

export interface OciLauncherOptions {
  /** Existing directory for the launcher's own mounts. */
  readonly homeDir: string
  readonly stateRoot: string
  /** Absolute paths of OCI programs, the best first. */
  readonly programs: readonly string[]
}

/** Starts steps through an OCI program on the calling thread and watches over them. */
export interface OciLauncher {
  handle(request: LauncherRequest): void
  /** Kills every step and waits until nothing of them is left. Nothing is told of them any more. */
  close(): Promise<void>
}

const SIGTERM = 15
const SIGKILL = 9

/** A step from its request to its reply, which may take several starts until an OCI program is found that works here. */
interface RunningStep {
  readonly id: number
  readonly spec: ProcessSpec
  cancelled: boolean
  pid?: number
  output?: StepOutput
}

interface Attempt {
  readonly status: ExitStatus
  readonly failure: OciFailure | undefined
}

export function openOciLauncher(options: OciLauncherOptions, send: SendReply): OciLauncher {
  const running = new Map<number, { readonly step: RunningStep; readonly ended: Promise<void> }>()
  const nextId = createContainerIds()
  let parts: { readonly home: LauncherHome; readonly programs: OciPrograms } | undefined
  let closing = false
  const tell: SendReply = (reply, transfer) => {
    if (!closing) send(reply, transfer)
  }
  try {
    mkdirSync(options.stateRoot, { recursive: true, mode: 0o700 })
    parts = { home: openLauncherHome(options.homeDir), programs: createOciPrograms(options.programs) }
    void deleteLeftovers(options.programs[0] ?? '', options.stateRoot).catch(() => {})
    send({ kind: 'ready' })
  } catch (error) {
    send({ kind: 'unusable', error: carryError(error) })
  }

  const run = async (step: RunningStep): Promise<ExitStatus> => {
    if (!parts) throw new RuntimeError('RUNTIME_UNAVAILABLE', 'Cannot run a process: the launcher could not start')
    const { home, programs } = parts
    for (;;) {
      const program = programs.current()
      const { status, failure } = await attempt(home, program, step)
      if (failure === undefined) programs.worked(program)
      if (failure === undefined || step.cancelled) return status
      if (failure.kind === 'step') throw failure.error
      if (!programs.failed(program, failure.reason)) {
        throw new RuntimeError(
          'RUNTIME_UNAVAILABLE',
          `Cannot start the process with "${program.path}": ${failure.reason}`,
        )
      }
    }
  }

  const attempt = async (home: LauncherHome, program: OciProgram, step: RunningStep): Promise<Attempt> => {
    const { stateRoot } = options
    const id = nextId()
    const started = startOciStep({ home, program, stateRoot, id, spec: step.spec })
    try {
      return await watch(step, started, tell)
    } finally {
      delete step.pid
      await deleteContainer(program.path, stateRoot, id)
      started.finish()
    }
  }

  const start = (id: number, spec: ProcessSpec) => {
    const step: RunningStep = { id, spec, cancelled: false }
    const ended = run(step)
      .then(
        (status): LauncherReply => ({ kind: 'ended', id, status }),
        (error): LauncherReply => ({
          kind: 'failed',
          id,
          error: carryError(error),
          retired: error instanceof HomeLost,
        }),
      )
      .then((reply) => {
        running.delete(id)
        tell(reply)
      })
    running.set(id, { step, ended })
  }
  return {
    handle(request) {
      const step = running.get(request.id)?.step
      switch (request.kind) {
        case 'run':
          return start(request.id, request.process)
        case 'taken':
          return step?.output?.taken()
        case 'cancel':
          if (step) cancel(step, request.graceMs, () => running.has(request.id))
          if (request.discard) step?.output?.close()
      }
    },
    async close() {
      closing = true
      for (const { step } of running.values()) cancel(step, 0, () => true)
      await Promise.all([...running.values()].map(({ ended }) => ended))
    },
  }
}

/** Hands output on until the program has ended. What looks like the program's own complaint waits for its log. */
async function watch(step: RunningStep, started: StartedOciStep, send: SendReply): Promise<Attempt> {
  const held: Uint8Array[] = []
  const { id } = step
  const output = readOutput(started, (stream, chunk) => {
    if (stream === 'stderr' && isAnnouncement(chunk)) {
      held.push(chunk)
      output.taken()
    } else {
      send({ kind: 'output', id, stream, chunk })
    }
  })
  step.pid = started.pid
  step.output = output
  if (step.cancelled) openHost().kill(started.pid, SIGKILL)
  const status = await waitForEnd(started.pid, output.hungUp)
  await output.drain()
  const failure = started.failure()
  if (failure === undefined) for (const chunk of held) send({ kind: 'output', id, stream: 'stderr', chunk })
  return { status, failure }
}

/** The OCI program hands SIGTERM on to the step, whose first process does not get it unless it listens. Killing the program ends the
 * PID namespace that it is the first process of. */
function cancel(step: RunningStep, graceMs: number, isRunning: () => boolean): void {
  step.cancelled = true
  const { pid } = step
  if (pid === undefined) return
  if (graceMs === 0 || !childListensTo(pid, SIGTERM)) {
    openHost().kill(pid, SIGKILL)
    return
  }
  openHost().kill(pid, SIGTERM)
  setTimeout(() => isRunning() && step.pid === pid && openHost().kill(pid, SIGKILL), graceMs)
}

function childListensTo(pid: number, signal: number): boolean {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1').split(' ').filter(Boolean),
    )
    return children.some((child) => {
      const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${child}/status`, 'utf8'))?.[1] ?? '0'
      return ((BigInt(`0x${caught}`) >> BigInt(signal - 1)) & 1n) === 1n
    })
  } catch {
    return false
  }
}
