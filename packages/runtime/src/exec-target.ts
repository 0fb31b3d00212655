import { readlinkSync } from 'node:fs'
import { openHost } from '@tsbuild/host'
import { RuntimeError } from './errors.js'
import type { ProcessTarget } from './launcher-protocol.js'
import { startTimeOf } from './process-identity.js'

/** A process that is held by a descriptor: its id may be used again, the descriptor stays with it. */
export interface TargetProcess {
  readonly pid: number
  readonly pidfd: number
  /** @throws {RuntimeError} `PROCESS_GONE` */
  checkAlive(): void
  close(): void
}

/** Takes hold of a process that lives in a PID namespace of its own. What was read about it by its id before a `checkAlive` is true of
 * it and of no other.
 * @throws {RuntimeError} `PROCESS_GONE` */
export function openTarget(target: ProcessTarget): TargetProcess {
  const host = openHost()
  const pid = typeof target === 'number' ? target : target.pid
  const pidfd = Number.isInteger(pid) && pid > 0 ? host.pidfdOpen(pid) : undefined
  if (pidfd === undefined) throw gone(pid)
  const checkAlive = () => {
    if (!host.pidfdSendSignal(pidfd, 0)) throw gone(pid)
  }
  try {
    if (typeof target === 'object' && startTimeOf(pid) !== target.startTime) throw gone(pid)
    // An id that a process of the host has by now must not lead a command to the host.
    if (pidNamespaceOf(pid) === readlinkSync('/proc/thread-self/ns/pid')) throw gone(pid)
    checkAlive()
  } catch (error) {
    host.close(pidfd)
    throw error
  }
  return { pid, pidfd, checkAlive, close: () => host.close(pidfd) }
}

/** Which PID namespace a process is in.
 * @throws {RuntimeError} `PROCESS_GONE` when it has ended, reaped or not */
export function pidNamespaceOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch (cause) {
    throw gone(pid, cause)
  }
}

export function gone(pid: number, cause?: unknown): RuntimeError {
  return new RuntimeError('PROCESS_GONE', `Cannot reach process ${pid}: it has ended`, { cause })
}
