import { closeSync, constants, openSync } from 'node:fs'
import { O_CLOEXEC, openHost } from '@tsbuild/host'
import type { TerminalSize } from '@tsbuild/spec'
import { asRuntimeError } from './errors.js'
import type { StdioRequest } from './launcher-protocol.js'
import type { ResolvedUser } from './resolve-user.js'

/** The launcher's ends of what a process is connected to. */
export type StdioEnds =
  | { readonly kind: 'pipes'; readonly stdin?: number; readonly stdout: number; readonly stderr: number }
  | { readonly kind: 'terminal'; readonly master: number }

/** Descriptors 0, 1 and 2 of a process that is about to start. */
export interface StepStdio {
  readonly ends: StdioEnds
  readonly theirs: readonly [stdin: number, stdout: number, stderr: number]
  /** Path, in the thread's present root, of the terminal that the three are. */
  readonly terminalPath?: string
  /** To be called once the process has its own. */
  closeTheirs(): void
  /** Where nobody is going to use them. */
  closeOurs(): void
}

/** Makes them; a terminal is one of the devpts in the thread's present root.
 * @throws {RuntimeError} `RUNTIME_UNAVAILABLE` */
export function openStdio(request: StdioRequest, user: ResolvedUser): StepStdio {
  return request.terminal ? openTerminal(request.terminal, user) : openPipes(request.stdin === true, user)
}

function openTerminal({ columns, rows }: TerminalSize, user: ResolvedUser): StepStdio {
  const host = openHost()
  try {
    const { master, slave, index } = host.openTerminal('/dev/pts/ptmx')
    host.setTerminalSize(master, columns, rows)
    // The group stays that of terminals.
    host.fchown(slave, user.uid, -1)
    return {
      ends: { kind: 'terminal', master },
      theirs: [slave, slave, slave],
      terminalPath: `/dev/pts/${index}`,
      closeTheirs: () => host.close(slave),
      closeOurs: () => host.close(master),
    }
  } catch (error) {
    throw asRuntimeError('RUNTIME_UNAVAILABLE', 'Cannot open a terminal', error)
  }
}

function openPipes(input: boolean, user: ResolvedUser): StepStdio {
  const host = openHost()
  const ours: number[] = []
  const theirs: number[] = []
  const output = () => {
    const [read, write] = host.pipe2()
    ours.push(read)
    theirs.push(write)
    // `echo > /dev/stderr` opens the pipe anew, as the user that the step has.
    host.fchown(write, user.uid, user.gid)
    return write
  }
  const stdin = input ? inputPipe(user, ours, theirs) : openSync('/dev/null', constants.O_RDONLY | O_CLOEXEC)
  const closeTheirs = () => {
    for (const fd of theirs) host.close(fd)
    if (!input) closeSync(stdin)
  }
  const closeOurs = () => {
    for (const fd of ours) host.close(fd)
  }
  try {
    const ends = [stdin, output(), output()] as const
    const [first = -1, second = -1, third = -1] = ours
    return {
      ends: input
        ? { kind: 'pipes', stdin: first, stdout: second, stderr: third }
        : { kind: 'pipes', stdout: first, stderr: second },
      theirs: ends,
      closeTheirs,
      closeOurs,
    }
  } catch (error) {
    closeOurs()
    closeTheirs()
    throw error
  }
}

function inputPipe(user: ResolvedUser, ours: number[], theirs: number[]): number {
  const host = openHost()
  const [read, write] = host.pipe2()
  ours.push(write)
  theirs.push(read)
  host.fchown(read, user.uid, user.gid)
  return read
}
