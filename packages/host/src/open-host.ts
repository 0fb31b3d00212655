import { type CallProgramCalls, callProgramCalls } from './call-program.js'
import { type FileCalls, fileCalls } from './file-calls.js'
import { type MountCalls, mountCalls } from './mount-calls.js'
import { type ProcessCalls, processCalls } from './process-calls.js'
import { type SpawnCalls, spawnCalls } from './spawn-calls.js'
import { createSyscaller } from './syscaller.js'
import { type TerminalCalls, terminalCalls } from './terminal-calls.js'

/** Synchronous system calls of Linux that Node lacks. They act on the calling thread; cost 1–3 µs each. */
export interface Host extends MountCalls, FileCalls, ProcessCalls, SpawnCalls, TerminalCalls, CallProgramCalls {}

let host: Host | undefined

/** The system calls of this thread; loads koffi the first time (12–25 ms), so not before it is needed, and never while the thread
 * has another root than the host's.
 * @throws {HostError} `HOST_UNSUPPORTED` */
export function openHost(): Host {
  if (!host) {
    const syscalls = createSyscaller()
    host = {
      ...mountCalls(syscalls),
      ...fileCalls(syscalls),
      ...processCalls(syscalls),
      ...spawnCalls(syscalls),
      ...terminalCalls(syscalls),
      ...callProgramCalls(syscalls),
    }
  }
  return host
}
