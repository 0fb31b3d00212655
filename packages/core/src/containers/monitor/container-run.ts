import { constants } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { currentBootId } from '@tsbuild/host'
import { exitCodeOf, RuntimeError } from '@tsbuild/runtime'
import type { ContainerRuntime, ProcessIdentity, RunningProcess, TerminalSize } from '@tsbuild/spec'
import type { EngineParts } from '../../engine-parts.js'
import { stopSignalNumber } from '../../signals.js'
import { containerMount } from '../container-snapshot.js'
import { changeState, stopped } from '../life.js'
import { openContainerNetwork } from '../network.js'
import { type ExecRequest, execSpec, processSpec } from '../process-spec.js'
import type { ContainerRecord, ContainerState } from '../record.js'
import { isRunning } from '../running-process.js'
import { firstHealth, watchHealth } from './health-check.js'
import type { Outputs } from './outputs.js'

/** Exit code of a container that could not be started for a reason of ours. */
const notStarted = 125
const defaultSize: TerminalSize = { columns: 80, rows: 24 }

export interface RunServices {
  readonly parts: EngineParts
  readonly runtime: ContainerRuntime
  readonly outputs: Outputs
  /** The monitor itself. */
  readonly monitor: ProcessIdentity
}

/** One run of a container, from its start to its end; its state is written down at each change. */
export class ContainerRun {
  readonly #services: RunServices
  readonly #record: ContainerRecord
  readonly #ending = new AbortController()
  readonly #closers: (() => Promise<unknown>)[] = []
  #process: RunningProcess | undefined

  constructor(record: ContainerRecord, services: RunServices) {
    this.#record = record
    this.#services = services
  }

  /** @throws {RuntimeError}, {CoreError}: it was not started then, and its state says why */
  async start(size = defaultSize): Promise<void> {
    try {
      this.#process = await this.#start(size)
    } catch (error) {
      await this.#close()
      await this.#change((state) => notRun(state, this.#record.state.status, error))
      throw error
    }
  }

  /** Its exit code, once nothing is left of it. */
  async ended(): Promise<number> {
    const process = this.#mustRun()
    const end = await process.ended.then(
      ({ code }) => ({ exitCode: code }),
      (error: unknown) => ({ exitCode: 137, error: (error as Error).message }),
    )
    this.#ending.abort()
    await this.#close()
    await this.#change((state) => stopped(state, end))
    return end.exitCode
  }

  /** Resolves when it can take more; what comes after its end is lost. */
  async write(chunk: Uint8Array): Promise<void> {
    await this.#process?.write(chunk).catch(() => {})
  }

  endInput(): void {
    this.#process?.endInput()
  }

  resize(size: TerminalSize): void {
    if (this.#record.settings.terminal) this.#process?.resize(size)
  }

  signal(number: number): void {
    this.#mustRun().kill(number)
  }

  /** Runs a further process in it and forgets it. @throws {RuntimeError} */
  async exec(request: ExecRequest): Promise<void> {
    const process = this.#mustRun()
    const { ended } = await this.#services.runtime.exec(process, execSpec(this.#record.settings, request), {
      onOutput: () => {},
    })
    ended.catch(() => {})
  }

  /** Asks it to end, and kills it after its time: when the monitor itself is told to end. */
  async stop(): Promise<void> {
    const { stopSignal, stopTimeoutSeconds } = this.#record.settings
    this.#process?.kill(stopSignalNumber(stopSignal))
    if (stopTimeoutSeconds === -1) return
    await delay(stopTimeoutSeconds * 1000, undefined, { signal: this.#ending.signal }).catch(() => {})
    this.#process?.kill(constants.signals.SIGKILL)
  }

  async #start(size: TerminalSize): Promise<RunningProcess> {
    const { parts, runtime, outputs, monitor } = this.#services
    const { id, settings } = this.#record
    const { entrypoint, command, terminal, stdin, healthcheck } = settings
    const network = await openContainerNetwork(settings, parts)
    this.#closers.push(async () => network[Symbol.asyncDispose]())
    const root = await containerMount(parts, id, { durable: true })
    await this.#change((state) => ({
      ...withoutEnd(state),
      status: 'running',
      startedAt: Date.now(),
      monitor,
      bootId: currentBootId(),
      ports: network.ports,
      ...(network.address === undefined ? {} : { address: network.address }),
      ...(healthcheck === undefined ? {} : { health: firstHealth }),
    }))
    const spec = processSpec(settings, { ...network, root, args: [...entrypoint, ...command] })
    let started: ProcessIdentity | undefined
    const hasEnded = () => started !== undefined && !isRunning(started)
    const process = await runtime.start(spec, {
      stdin,
      ...(terminal ? { terminal: size } : {}),
      onOutput: (stream, chunk) => outputs.take(stream, chunk, hasEnded),
    })
    started = process
    const { pid, startTime, mountPoints } = process
    await this.#change((state) => ({ ...state, process: { pid, startTime }, mountPoints }))
    if (healthcheck !== undefined) {
      const signal = this.#ending.signal
      const onChange = (health: ContainerState['health'] & object) => this.#change((state) => ({ ...state, health }))
      const watch = watchHealth(healthcheck, { runtime, process, settings, signal, onChange })
      this.#closers.push(() => watch)
    }
    return process
  }

  #mustRun(): RunningProcess {
    if (this.#process !== undefined) return this.#process
    throw new RuntimeError('RUNTIME_UNAVAILABLE', 'Cannot reach the process of the container: it was not started')
  }

  #change(change: (state: ContainerState) => ContainerState): Promise<unknown> {
    return changeState(this.#services.parts, this.#record.id, change)
  }

  async #close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) {
      // How the container ended is told whatever becomes of what was made for it.
      await close().catch((error: unknown) => console.error(error))
    }
  }
}

/** What an earlier run left in the state. */
function withoutEnd(state: ContainerState): ContainerState {
  const { finishedAt: _finished, exitCode: _code, error: _error, health: _health, ...rest } = state
  return rest
}

/** As it was before, with the reason why it did not start. */
function notRun(state: ContainerState, before: ContainerState['status'], error: unknown): ContainerState {
  const exitCode = (error instanceof RuntimeError ? exitCodeOf(error.code) : undefined) ?? notStarted
  const { message } = error as Error
  if (before === 'created') return { status: 'created', exitCode, error: message }
  return stopped(state, { exitCode, error: message })
}
