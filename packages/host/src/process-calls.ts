import { O_CLOEXEC, RLIMITS } from './constants.js'
import { HostError, syscallError } from './errors.js'
import type { Syscaller } from './syscaller.js'

/** Capability sets of a thread, a bit for each capability. */
export interface CapabilitySets {
  readonly effective: bigint
  readonly permitted: bigint
  readonly inheritable: bigint
}

/** Numbers, `Infinity` for no limit. */
export interface Limit {
  readonly soft: number
  readonly hard: number
}

/** Credentials, limits and signals. Ids and capabilities are those of the calling *thread* only (libc's own functions change
 * every thread). All throw {HostError} `SYSCALL_FAILED`. */
export interface ProcessCalls {
  prctl(operation: number, a?: number, b?: number, c?: number, d?: number): number
  capget(): CapabilitySets
  capset(sets: CapabilitySets): void
  setgroups(gids: readonly number[]): void
  /** -1 leaves an id as it is. */
  setresuid(real: number, effective: number, saved: number): void
  setresgid(real: number, effective: number, saved: number): void
  /** Sets and returns the former one; per fs struct, see `CLONE_FS`. */
  umask(mask: number): number
  /** Sets, where `limit` is given, and returns the former limit.
   * @param pid 0 is this process
   * @param name e.g. `nofile` */
  prlimit(pid: number, name: string, limit?: Limit): Limit
  gettid(): number
  /** `false` where there is no such process. */
  kill(pid: number, signal: number): boolean
  /** A descriptor for a process, or `undefined` where there is none. Linux 5.3. */
  pidfdOpen(pid: number): number | undefined
  pidfdSendSignal(pidfd: number, signal: number): boolean
  /** Closes a descriptor that came from here (`pipe2`, `openat2`, `pidfdOpen`); of such, `closeSync` warns in worker threads. */
  close(fd: number): void
  /** Marks or closes all descriptors from `first` to `last` (inclusive). Linux 5.9, `CLOSE_RANGE_CLOEXEC` 5.11. */
  closeRange(first: number, last: number, flags: number): void
  /** Brings the loopback device of the thread's network namespace up. */
  loopbackUp(): void
}

export function processCalls(syscalls: Syscaller): ProcessCalls {
  return { ...credentialCalls(syscalls), ...limitCalls(syscalls), ...signalCalls(syscalls), ...networkCalls(syscalls) }
}

function credentialCalls({ call }: Syscaller) {
  const header = Buffer.alloc(8)
  header.writeUInt32LE(0x20080522, 0) // _LINUX_CAPABILITY_VERSION_3, for this thread
  return {
    prctl: (operation: number, a = 0, b = 0, c = 0, d = 0) =>
      call('prctl', 'change the thread with option', String(operation), operation, a, b, c, d),
    capget() {
      const data = Buffer.alloc(24)
      call('capget', 'read the capabilities', undefined, header, data)
      const set = (at: number) => BigInt(data.readUInt32LE(at)) | (BigInt(data.readUInt32LE(at + 12)) << 32n)
      return { effective: set(0), permitted: set(4), inheritable: set(8) }
    },
    capset({ effective, permitted, inheritable }: CapabilitySets) {
      const data = Buffer.alloc(24)
      for (const [index, set] of [effective, permitted, inheritable].entries()) {
        data.writeUInt32LE(Number(set & 0xffffffffn), index * 4)
        data.writeUInt32LE(Number(set >> 32n), index * 4 + 12)
      }
      call('capset', 'set the capabilities', undefined, header, data)
    },
    setgroups(gids: readonly number[]) {
      const list = Uint32Array.from(gids)
      const bytes = gids.length === 0 ? null : new Uint8Array(list.buffer)
      call('setgroups', 'set the groups', gids.join(','), gids.length, bytes)
    },
    setresuid(real: number, effective: number, saved: number) {
      call('setresuid', 'change the user to', String(effective), real, effective, saved)
    },
    setresgid(real: number, effective: number, saved: number) {
      call('setresgid', 'change the group to', String(effective), real, effective, saved)
    },
    umask: (mask: number) => call('umask', 'set the umask', mask.toString(8), mask),
  }
}

function limitCalls({ call }: Syscaller) {
  return {
    prlimit(pid: number, name: string, limit?: Limit): Limit {
      const resource = RLIMITS[name]
      if (resource === undefined)
        throw new HostError('HOST_UNSUPPORTED', `Cannot set the limit "${name}": no such limit`)
      const next = limit ? Buffer.alloc(16) : null
      if (next && limit) {
        next.writeBigUInt64LE(encodeLimit(limit.soft), 0)
        next.writeBigUInt64LE(encodeLimit(limit.hard), 8)
      }
      const former = Buffer.alloc(16)
      call('prlimit64', 'set the limit', name, pid, resource, next, former)
      return { soft: decodeLimit(former.readBigUInt64LE(0)), hard: decodeLimit(former.readBigUInt64LE(8)) }
    },
    close(fd: number) {
      call('close', 'close the descriptor', String(fd), fd)
    },
    closeRange(first: number, last: number, flags: number) {
      call('close_range', 'close the descriptors from', String(first), first, last, flags)
    },
  }
}

function signalCalls({ raw, call }: Syscaller) {
  const sent = (result: number, syscall: string, thing: string) => {
    if (result >= 0) return true
    if (result === -3 /* ESRCH */) return false
    throw syscallError(syscall, -result, 'signal the process', thing)
  }
  return {
    gettid: () => call('gettid', 'read the thread id', undefined),
    kill: (pid: number, signal: number) => sent(raw('kill', pid, signal), 'kill', String(pid)),
    pidfdOpen(pid: number) {
      const fd = raw('pidfd_open', pid, 0)
      if (fd === -3 /* ESRCH */) return undefined
      if (fd < 0) throw syscallError('pidfd_open', -fd, 'open the process', String(pid))
      return fd
    },
    pidfdSendSignal: (pidfd: number, signal: number) =>
      sent(raw('pidfd_send_signal', pidfd, signal, null, 0), 'pidfd_send_signal', `fd ${pidfd}`),
  }
}

function networkCalls({ call }: Syscaller) {
  return {
    loopbackUp() {
      const socket = call('socket', 'open a socket', undefined, 2 /* AF_INET */, 2 /* SOCK_DGRAM */ | O_CLOEXEC, 0)
      try {
        const request = Buffer.alloc(40)
        request.write('lo')
        request.writeUInt16LE(1 /* IFF_UP */, 16)
        call('ioctl', 'bring up the device', 'lo', socket, 0x8914 /* SIOCSIFFLAGS */, request)
      } finally {
        call('close', 'close the socket', undefined, socket)
      }
    },
  }
}

const infinity = 0xffffffffffffffffn

function encodeLimit(value: number): bigint {
  return value === Number.POSITIVE_INFINITY ? infinity : BigInt(value)
}

function decodeLimit(value: bigint): number {
  return value === infinity ? Number.POSITIVE_INFINITY : Number(value)
}
