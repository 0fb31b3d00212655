import { type ChildCall, callListSize, entryBytes, writeCallList } from './call-list.js'
import { PR_SET_DUMPABLE } from './constants.js'
import { HostError, syscallError } from './errors.js'
import { spawnCode } from './machine-code.js'
import type { ForeignFunction, Syscaller } from './syscaller.js'

/** How a child ended: its exit code, or the number of the signal that ended it. */
export type ChildEnd = { readonly code: number } | { readonly signal: number }

/** Children with a preparation of our choice. */
export interface SpawnCalls {
  /** Starts a child in the namespaces that the calling thread has set for children, lets it make `calls`, the last of which is
   * execve, and returns its id. All signals are set to their default and unblocked before that, or before a filter of system calls.
   * Descriptors, root, limits and credentials that the calls change are the child's alone.
   *
   * It is a vfork: nothing is copied, however much memory this process has, and only the calling thread waits until the program
   * runs (about 0.3 ms). The child is not one of libuv's: take its end with `wait`.
   * @throws {SpawnError} when a call fails that must not; nothing is left of the child */
  spawn(calls: readonly ChildCall[]): number
  /** The end of a child, once; `undefined` while it runs. Does not wait.
   * @throws {HostError} `SYSCALL_FAILED` with ECHILD where it is not (any more) our child */
  wait(pid: number): ChildEnd | undefined
}

/** A child that could not be prepared; `index` tells which of its calls failed, -1 is the start itself. */
export class SpawnError extends HostError {
  readonly index: number

  constructor(call: string, errno: number, index: number) {
    const { message, syscall, errno: name } = syscallError(call, errno, 'start a process with', call)
    super('SYSCALL_FAILED', message, { ...(syscall ? { syscall } : {}), ...(name ? { errno: name } : {}) })
    this.index = index
  }
}

const lastSignal = 64
const uncatchable = [9, 19]

/** Node ignores SIGPIPE and `spawn` blocks everything; a program wants neither. */
const signalReset: readonly ChildCall[] = [
  ...Array.from({ length: lastSignal }, (_, index) => index + 1)
    .filter((signal) => !uncatchable.includes(signal))
    .map(
      (signal): ChildCall => ({ name: 'rt_sigaction', args: [signal, new Uint8Array(32), null, 8], optional: true }),
    ),
  { name: 'rt_sigprocmask', args: [2, new Uint8Array(8), null, 8] },
]

const PR_GET_DUMPABLE = 3
const CLONE_VM = 0x100
const CLONE_VFORK = 0x4000
const SIGCHLD = 17
const WNOHANG = 1
const pageBytes = 65_536
const failureBytes = 16

export function spawnCalls(syscalls: Syscaller): SpawnCalls {
  const { raw, call } = syscalls
  let code: ForeignFunction | undefined
  let memory: Memory | undefined
  const reserve = (size: number): Memory => {
    if (memory && memory.bytes.length >= size) return memory
    if (memory) call('munmap', 'free memory', undefined, memory.address, memory.bytes.length)
    memory = mapMemory(syscalls, Math.ceil(size / pageBytes) * pageBytes)
    return memory
  }
  return {
    spawn(given) {
      code ??= loadCode(syscalls)
      const filter = given.findIndex(({ name }) => name === 'seccomp')
      const resetAt = filter < 0 ? given.length - 1 : filter
      const calls = [...given.slice(0, resetAt), ...signalReset, ...given.slice(resetAt)]
      const { address, bytes } = reserve(failureBytes + callListSize(calls))
      bytes.fill(0, 0, failureBytes)
      const list = address + BigInt(failureBytes)
      writeCallList(calls, bytes.subarray(failureBytes), list, process.arch)
      const dumpable = raw('prctl', PR_GET_DUMPABLE)
      const pid = withoutSignals(syscalls, () => code!(list, BigInt(CLONE_VM | CLONE_VFORK | SIGCHLD), address))
      // A child that changes its user makes the memory that it shares with us undumpable.
      if (raw('prctl', PR_GET_DUMPABLE) !== dumpable) raw('prctl', PR_SET_DUMPABLE, dumpable)
      if (pid < 0) throw new SpawnError('clone', -pid, -1)
      const failure = new DataView(bytes.buffer, bytes.byteOffset, failureBytes)
      const failed = failure.getBigUint64(0, true)
      if (failed === 0n) return pid
      raw('wait4', pid, null, 0, null)
      const index = Number(failed - list) / entryBytes
      const errno = Number(-failure.getBigInt64(8, true))
      const givenIndex = index < resetAt ? index : Math.max(resetAt, index - signalReset.length)
      throw new SpawnError(calls[index]?.name ?? 'exit', errno, Math.min(givenIndex, given.length - 1))
    },
    wait(pid) {
      const status = Buffer.alloc(8)
      if (call('wait4', 'wait for process', String(pid), pid, status, WNOHANG, null) === 0) return undefined
      const word = status.readInt32LE(0)
      return (word & 0x7f) === 0 ? { code: (word >> 8) & 0xff } : { signal: word & 0x7f }
    },
  }
}

interface Memory {
  readonly address: bigint
  readonly bytes: Uint8Array
}

function mapMemory({ call, view }: Syscaller, length: number): Memory {
  const readWrite = 3
  const privateAnonymous = 0x22
  const address = BigInt(call('mmap', 'get memory', undefined, null, length, readWrite, privateAnonymous, -1, 0))
  return { address, bytes: view(address, length) }
}

function loadCode(syscalls: Syscaller): ForeignFunction {
  const code = spawnCode(process.arch)
  if (!code) throw new HostError('HOST_UNSUPPORTED', `Cannot start processes on "${process.arch}": no code for it`)
  const { address, bytes } = mapMemory(syscalls, pageBytes)
  bytes.set(code)
  const readExecute = 5
  syscalls.call('mprotect', 'make memory executable', undefined, address, pageBytes, readExecute)
  return syscalls.functionAt(address)
}

/** A signal handler of this process must not run in the child, which still shares its memory. */
function withoutSignals<T>({ call }: Syscaller, action: () => T): T {
  const setMask = 2
  const former = Buffer.alloc(8)
  call('rt_sigprocmask', 'block the signals', undefined, setMask, Buffer.alloc(8, 0xff), former, 8)
  try {
    return action()
  } finally {
    call('rt_sigprocmask', 'unblock the signals', undefined, setMask, former, null, 8)
  }
}
