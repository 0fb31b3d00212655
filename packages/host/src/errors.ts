import { getSystemErrorMap } from 'node:util'
import { type ErrorDetails, TsbuildError } from '@tsbuild/spec'

export type HostErrorCode =
  | 'SYSCALL_FAILED'
  | 'HOST_UNSUPPORTED'
  | 'WORKER_CRASHED'
  | 'WORKER_CLOSED'
  | 'PROCESS_STUCK'
  | 'LOCK_UNUSABLE'

export interface HostErrorDetails extends ErrorDetails {
  readonly syscall?: string
  /** Name, e.g. `EPERM`. */
  readonly errno?: string
}

/** Something that the kernel, or what is built on it here, refused. `syscall` and `errno` (a name) are set for failed system calls. */
export class HostError extends TsbuildError<HostErrorCode> {
  readonly syscall?: string
  readonly errno?: string

  constructor(code: HostErrorCode, message: string, details: HostErrorDetails = {}) {
    super(code, message, details)
    if (details.syscall !== undefined) this.syscall = details.syscall
    if (details.errno !== undefined) this.errno = details.errno
  }
}

/** Name and meaning of an error number, e.g. `['EPERM', 'operation not permitted']`. */
export function describeErrno(errno: number): readonly [name: string, meaning: string] {
  return getSystemErrorMap().get(-errno) ?? [`E${errno}`, 'unknown error']
}

/** The error for a system call that returned `errno` (positive).
 * @param doing verb, e.g. `mount`
 * @param thing what it was done to, shown in quotes */
export function syscallError(syscall: string, errno: number, doing: string, thing?: string | Uint8Array): HostError {
  const [name, meaning] = describeErrno(errno)
  const quoted = thing === undefined ? '' : ` "${typeof thing === 'string' ? thing : Buffer.from(thing).toString()}"`
  return new HostError('SYSCALL_FAILED', `Cannot ${doing}${quoted}: ${name} (${meaning})`, { syscall, errno: name })
}

/** Whether `error` is a failed system call (ours or one of Node's) with this error name. */
export function hasErrno(error: unknown, ...names: string[]): boolean {
  if (error instanceof HostError) return error.errno !== undefined && names.includes(error.errno)
  return error instanceof Error && 'code' in error && names.includes(String(error.code))
}
