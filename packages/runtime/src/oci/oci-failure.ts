import { RuntimeError } from '../errors.js'
import { notExecutable } from '../find-command.js'
import { refused } from '../step-limits.js'

/** Why an OCI program did not start a step: something in the step, or the program itself or this machine. */
export type OciFailure =
  | { readonly kind: 'step'; readonly error: RuntimeError }
  | { readonly kind: 'program'; readonly reason: string }

/** How OCI programs begin the line that they write to the step's stderr when they cannot start it. */
const announcement = /^(?:runc run failed: |[^ ]* ?\[?(?:runc|crun|youki)\]?: |time="[^"]*" level=(?:error|fatal))/

const cleanUp = /^(failed to remove|unable to (destroy|remove|delete)|failed to kill)/i

/** Whether the output may be the program's and not the step's. */
export function isAnnouncement(chunk: Uint8Array): boolean {
  return announcement.test(
    Buffer.from(chunk.buffer, chunk.byteOffset, Math.min(chunk.byteLength, 200)).toString('latin1'),
  )
}

/** Reads the log that an OCI program was told to write (one JSON object a line).
 * @returns `undefined` when it tells of no failed start: then the exit code is the step's own */
export function readOciLog(log: string, command: string): OciFailure | undefined {
  const reason = log
    .split('\n')
    .map(failureIn)
    .find((text) => text !== undefined)
  if (reason === undefined) return undefined
  const error = stepError(reason, command)
  return error === undefined ? { kind: 'program', reason } : { kind: 'step', error }
}

function failureIn(line: string): string | undefined {
  try {
    const { level, msg } = JSON.parse(line) as { level?: unknown; msg?: unknown }
    if ((level !== 'error' && level !== 'fatal') || typeof msg !== 'string') return undefined
    // runc goes on to log what went wrong while it cleaned up, also after a step that ran.
    if (cleanUp.test(msg)) return undefined
    return msg.replace(/^runc run failed: (unable to start container process: )?/, '').trim()
  } catch {
    return undefined
  }
}

function stepError(reason: string, command: string): RuntimeError | undefined {
  if (/rlimit/i.test(reason)) return refused(/RLIMIT_\w+/.exec(reason)?.[0] ?? 'of the step', reason)
  if (/[ug]ids? .*must be in range/i.test(reason)) {
    return new RuntimeError('RUNTIME_UNAVAILABLE', `Cannot run the step as its user: ${reason}`, {
      hint: 'Use the native runtime, which takes all ids',
    })
  }
  if (!/^(exec|error executing|executable|open executable)\b/.test(reason)) return undefined
  if (/no such file|not found/i.test(reason)) {
    return new RuntimeError('COMMAND_NOT_FOUND', `Cannot find the command "${command}": ${reason}`)
  }
  return notExecutable(command, reason)
}
