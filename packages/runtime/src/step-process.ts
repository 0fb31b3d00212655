import { type ChildCall, CLONE_NEWCGROUP, openHost, PR_SET_PDEATHSIG, SpawnError, TIOCSCTTY } from '@tsbuild/host'
import type { ProcessSpec } from '@tsbuild/spec'
import { asRuntimeError, RuntimeError } from './errors.js'
import { notExecutable } from './find-command.js'
import type { ResolvedUser } from './resolve-user.js'
import { limitCalls, refused } from './step-limits.js'
import { privilegeCalls } from './step-privileges.js'

/** What the process of a step is made of, resolved. */
export interface StepProcess {
  readonly spec: ProcessSpec
  /** Absolute path of the program. */
  readonly path: string
  readonly user: ResolvedUser
  readonly procCalls: readonly ChildCall[]
  /** Descriptors that become 0, 1 and 2. */
  readonly stdio: readonly [stdin: number, stdout: number, stderr: number]
  /** Whether the first of them is a terminal, to be its controlling one. */
  readonly terminal: boolean
  /** Open `cgroup.procs` files of the cgroups to be in. */
  readonly cgroups: readonly number[]
}

/** What tells of a process that could not be started. */
export interface FailedProcess {
  readonly spec: Pick<ProcessSpec, 'args' | 'limits'>
  readonly path: string
}

const SIGKILL = 9
const KEYCTL_JOIN_SESSION_KEYRING = 1

/** Starts the process in the root, directory and namespaces that the thread has, and returns its id (the host's).
 * @throws {RuntimeError} `COMMAND_NOT_FOUND`, `COMMAND_NOT_EXECUTABLE`, `LIMIT_REFUSED`, `RUNTIME_UNAVAILABLE` */
export function startProcess(process: StepProcess): number {
  const calls = childCalls(process)
  try {
    return openHost().spawn(calls)
  } catch (error) {
    throw startError(process, error)
  }
}

/** From left to right, what happens between the birth of the child and its program. */
function childCalls({ spec, path, user, procCalls, stdio, terminal, cgroups }: StepProcess): ChildCall[] {
  const privileges = privilegeCalls(spec)
  return [
    ...cgroupCalls(cgroups),
    { name: 'setsid', args: [] },
    ...(terminal ? [{ name: 'ioctl', args: [stdio[0], TIOCSCTTY, 0] } satisfies ChildCall] : []),
    ...procCalls,
    { name: 'keyctl', args: [KEYCTL_JOIN_SESSION_KEYRING, null], optional: true },
    ...privileges.first,
    ...limitCalls(spec.limits ?? []),
    ...stdio.map((fd, index): ChildCall => ({ name: 'dup3', args: [fd, index, 0] })),
    { name: 'close_range', args: [3, 0xffffffff, 0] },
    ...userCalls(user),
    { name: 'prctl', args: [PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0] },
    ...privileges.asUser,
    ...privileges.last,
    { name: 'execve', args: [path, spec.args, environment(spec.env, user.home)] },
  ]
}

/** Its cgroup is all that it sees of cgroups. */
function cgroupCalls(cgroups: readonly number[]): ChildCall[] {
  if (cgroups.length === 0) return []
  return [
    ...cgroups.map((fd): ChildCall => ({ name: 'write', args: [fd, '0', 1] })),
    { name: 'unshare', args: [CLONE_NEWCGROUP], optional: true },
  ]
}

/** The calls by which a child becomes its user. */
export function userCalls({ uid, gid, groups }: ResolvedUser): ChildCall[] {
  return [
    { name: 'setgroups', args: [groups.length, groups.length === 0 ? null : groupList(groups)] },
    { name: 'setresgid', args: [gid, gid, gid] },
    { name: 'setresuid', args: [uid, uid, uid] },
  ]
}

function groupList(groups: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(groups).buffer)
}

/** HOME is that of the user, unless it is given. */
export function environment(env: readonly string[], home: string): string[] {
  return env.some((entry) => entry.startsWith('HOME=')) ? [...env] : [...env, `HOME=${home}`]
}

/** What the failed start of a process means for who asked for it. */
export function startError({ spec, path }: FailedProcess, error: unknown): RuntimeError {
  const command = spec.args[0] ?? ''
  if (!(error instanceof SpawnError)) return asRuntimeError('RUNTIME_UNAVAILABLE', 'Cannot start the process', error)
  if (error.syscall === 'prlimit64') {
    const names = spec.limits?.map(({ name }) => name).join(', ') ?? 'nofile'
    return refused(names, 'a hard limit is above that of this process', error)
  }
  if (error.syscall === 'seccomp') {
    return asRuntimeError('RUNTIME_UNAVAILABLE', 'Cannot filter the system calls of the process', error)
  }
  if (error.syscall !== 'execve') return asRuntimeError('RUNTIME_UNAVAILABLE', 'Cannot prepare the process', error)
  switch (error.errno) {
    case 'ENOENT':
      return new RuntimeError(
        'COMMAND_NOT_FOUND',
        `Cannot execute the command "${command}": its interpreter is missing`,
        {
          cause: error,
          hint: `Look at the first line of ${path}, or which loader the program needs`,
        },
      )
    case 'ENOEXEC':
      return notExecutable(command, 'exec format error', error)
    case 'EACCES':
      return notExecutable(command, 'permission denied', error)
    default:
      return notExecutable(command, error.message, error)
  }
}
