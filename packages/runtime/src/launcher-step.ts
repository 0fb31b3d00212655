import { carryError, openHost } from '@tsbuild/host'
import type { TerminalSize } from '@tsbuild/spec'
import type { LauncherReply, SendReply } from './launcher-protocol.js'
import { startTimeOf } from './process-identity.js'
import type { StartedStep } from './step.js'
import { waitForEnd } from './step-end.js'
import { type StepInput, writePipe, writeTerminal } from './step-input.js'
import { type OnChunk, readOutput, readTerminal, type StepOutput } from './step-output.js'
import type { StdioEnds } from './step-stdio.js'

/** A process that a launcher watches. */
export interface LauncherStep {
  readonly pid: number
  readonly output: StepOutput
  write(chunk: Uint8Array): void
  endInput(): void
  resize(size: TerminalSize): void
  /** Settles when nothing is left of it and that was told. */
  readonly ended: Promise<void>
}

/** Tells that the process was started, and then everything that comes of it. */
export function watchStep(id: number, started: StartedStep, send: SendReply): LauncherStep {
  const { pid, ends, mountPoints } = started
  const onChunk: OnChunk = (stream, chunk) => send({ kind: 'output', id, stream, chunk }, wholeBuffer(chunk))
  const output = ends.kind === 'terminal' ? readTerminal(ends.master, onChunk) : readOutput(ends, onChunk)
  const input = openInput(ends)
  let over = false
  send({ kind: 'started', id, process: { pid, startTime: startTimeOf(pid), mountPoints } })
  const end = async (): Promise<LauncherReply> => {
    try {
      const status = await waitForEnd(pid, output.hungUp)
      await output.drain()
      return { kind: 'ended', id, status }
    } catch (error) {
      output.close()
      return { kind: 'failed', id, error: carryError(error), retired: false }
    } finally {
      over = true
      input?.close()
      if (ends.kind === 'terminal') openHost().close(ends.master)
    }
  }
  const finish = async (reply: LauncherReply) => {
    try {
      const finished = started.finish()
      if (finished) await finished
      send(reply)
    } catch (error) {
      send({ kind: 'failed', id, error: carryError(error), retired: false })
    }
  }
  return {
    pid,
    output,
    ended: end().then(finish),
    write(chunk) {
      const taken = input ? input.write(chunk).catch(() => false) : Promise.resolve(false)
      void taken.then((open) => send({ kind: 'inputTaken', id, open }))
    },
    endInput: () => input?.end(),
    resize({ columns, rows }) {
      if (ends.kind === 'terminal' && !over) openHost().setTerminalSize(ends.master, columns, rows)
    },
  }
}

function openInput(ends: StdioEnds): StepInput | undefined {
  if (ends.kind === 'terminal') return writeTerminal(ends.master)
  return ends.stdin === undefined ? undefined : writePipe(ends.stdin)
}

function wholeBuffer({ buffer, byteLength }: Uint8Array): ArrayBuffer[] {
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : []
}
