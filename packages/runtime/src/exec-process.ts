import { AT_EMPTY_PATH, type ChildCall, CLONE_NEWPID, openHost, PR_SET_PDEATHSIG, TIOCSCTTY } from '@tsbuild/host'
import type { ExecSpec } from '@tsbuild/spec'
import { closeOtherCalls } from './close-other-calls.js'
import type { ResolvedUser } from './resolve-user.js'
import { limitCalls } from './step-limits.js'
import { privilegeCalls } from './step-privileges.js'
import { environment, startError, userCalls } from './step-process.js'

/** What a process that joins another is made of, resolved. */
export interface ExecProcess {
  readonly spec: ExecSpec
  /** Absolute path of the program. */
  readonly path: string
  readonly user: ResolvedUser
  readonly stdio: readonly [stdin: number, stdout: number, stderr: number]
  readonly terminal: boolean
  /** Of the process that is joined. */
  readonly pidfd: number
  /** Open `cgroup.procs` files of the cgroups to be in. */
  readonly cgroups: readonly number[]
  /** The write end of a pipe for reports. */
  readonly report: number
}

const SIGKILL = 9
const SIGCHLD = 17
const CLONE_PARENT = 0x8000
const F_SETFD = 2
const FD_CLOEXEC = 1
const KEYCTL_JOIN_SESSION_KEYRING = 1

/** Starts a process in the root, directory and namespaces that the thread has and in the PID namespace of another process, whose
 * programs may be hostile: they see it from its birth on, and may have CAP_SYS_PTRACE.
 *
 * So it is born in two steps. A first child stays in our PID namespace, where they do not see it, gives away what the process shall
 * not have, and turns into a program of calls of 200 bytes: none of our memory is left in it then, nor any descriptor but the
 * process's own, and /proc/PID/exe is a sealed file. That one has the second child, our child as well, in the other PID namespace;
 * it executes the command.
 * @returns the id of the first child; the report pipe tells of the second one, and ends when the command runs
 * @throws {RuntimeError} as `startProcess` does */
export function startJoining(process: ExecProcess): number {
  const host = openHost()
  try {
    const program = host.callProgram(secondCalls(process), process.report)
    try {
      return host.spawn(firstCalls(process, program))
    } finally {
      host.close(program)
    }
  } catch (error) {
    throw startError(process, error)
  }
}

/** Calls of the second child, and what they mean when they fail. */
export function secondCalls({ spec, path, user, cgroups, terminal, report }: ExecProcess): ChildCall[] {
  const { noNewPrivileges } = spec.sandbox ?? {}
  return [
    { name: 'clone', args: [CLONE_PARENT | SIGCHLD, 0, 0, 0, 0], fork: true },
    ...cgroups.flatMap((fd): ChildCall[] => [
      { name: 'write', args: [fd, '0', 1] },
      { name: 'fcntl', args: [fd, F_SETFD, FD_CLOEXEC] },
    ]),
    { name: 'setsid', args: [] },
    ...(terminal ? [{ name: 'ioctl', args: [0, TIOCSCTTY, 0] } satisfies ChildCall] : []),
    { name: 'prctl', args: [PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0] },
    { name: 'fcntl', args: [report, F_SETFD, FD_CLOEXEC] },
    ...(noNewPrivileges ? privilegeCalls(spec).last : []),
    { name: 'execve', args: [path, spec.args, environment(spec.env, user.home)] },
  ]
}

/** Without no_new_privs a filter takes CAP_SYS_ADMIN, which the second child does not have any more: then it has to let our few calls
 * pass, as every usual one does. */
function firstCalls({ spec, user, stdio, pidfd, cgroups, report }: ExecProcess, program: number): ChildCall[] {
  const privileges = privilegeCalls(spec)
  return [
    { name: 'setns', args: [pidfd, CLONE_NEWPID] },
    { name: 'setsid', args: [] },
    { name: 'keyctl', args: [KEYCTL_JOIN_SESSION_KEYRING, null], optional: true },
    ...privileges.first,
    ...limitCalls(spec.limits ?? []),
    ...stdio.map((fd, index): ChildCall => ({ name: 'dup3', args: [fd, index, 0] })),
    ...[report, ...cgroups].map((fd): ChildCall => ({ name: 'fcntl', args: [fd, F_SETFD, 0] })),
    ...closeOtherCalls([report, program, ...cgroups]),
    ...userCalls(user),
    ...privileges.asUser,
    ...(spec.sandbox?.noNewPrivileges ? [] : privileges.last),
    { name: 'execveat', args: [program, '', ['calls'], [], AT_EMPTY_PATH] },
  ]
}
