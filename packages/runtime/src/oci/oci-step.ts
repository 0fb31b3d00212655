import { closeSync, constants, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ChildCall, MS_NODEV, MS_NOEXEC, MS_NOSUID, O_CLOEXEC, openHost, PR_SET_PDEATHSIG } from '@tsbuild/host'
import type { ProcessSpec } from '@tsbuild/spec'
import { asRuntimeError } from '../errors.js'
import { findCommand } from '../find-command.js'
import { withInit } from '../init-program.js'
import { createUndo, type LauncherHome } from '../launcher-home.js'
import { lookUpUser } from '../read-accounts.js'
import type { ResolvedUser } from '../resolve-user.js'
import { comeBack, HomeLost } from '../step.js'
import { mountText, type StepRoot } from '../step-binds.js'
import { defaultHostname } from '../step-names.js'
import { checkProgram } from './check-program.js'
import { ociConfig } from './oci-config.js'
import { type OciFailure, readOciLog } from './oci-failure.js'
import { ociLimits } from './oci-limits.js'
import type { OciProgram } from './oci-programs.js'
import { buildOciRoot } from './oci-root.js'

export interface StartedOciStep {
  readonly pid: number
  /** Read ends; whoever gets them closes them. */
  readonly stdout: number
  readonly stderr: number
  /** To be called once the program has ended: removes what was made for the step. */
  finish(): void
  /** Why the OCI program did not start the step, once it has ended; `undefined` when it did. */
  failure(): OciFailure | undefined
}

type StartedProgram = Pick<StartedOciStep, 'pid' | 'stdout' | 'stderr'>

export interface OciStart {
  readonly home: LauncherHome
  readonly program: OciProgram
  /** Where the OCI program keeps its state, one folder a container. */
  readonly stateRoot: string
  /** Name of the container. */
  readonly id: string
  readonly spec: ProcessSpec
}

const SIGKILL = 9

/** Starts an OCI program on a step. It gets a mount and a PID namespace around the step's own: the root is mounted there and nowhere
 * else, and when the program dies, however it does, the kernel ends the step.
 *
 * Synchronous; the thread is back home at its end.
 * @throws {RuntimeError} when the step cannot be started
 * @throws {HomeLost} when the thread could not come back */
export function startOciStep(start: OciStart): StartedOciStep {
  const { home, spec } = start
  const cleanup = createUndo()
  const bundle = makeBundle(start, cleanup)
  let started: StartedProgram
  try {
    try {
      // The loopback device of a step without network is the OCI program's business.
      home.leave(typeof spec.network === 'object' ? spec.network : 'host')
      const limits = ociLimits(spec.limits ?? [])
      const { withoutCgroups } = start.program
      const { step, mounts } = buildOciRoot(home, spec, withoutCgroups && spec.security !== 'insecure')
      cleanup.add(() => step.undo.run())
      hideOddAccounts(step)
      const { user, command } = home.within(step.fd, () => inspectRoot(spec))
      const config = ociConfig({
        spec: withInit(spec, command).spec,
        root: home.rootPlace,
        hostname: spec.hostname ?? defaultHostname,
        user,
        mounts,
        limits,
        ownCapabilities: openHost().capget().permitted,
        deviceRules: !withoutCgroups,
      })
      writeFileSync(join(bundle, 'config.json'), config, { mode: 0o600 })
      started = startProgram(start, bundle, user)
    } finally {
      comeBack(home)
    }
  } catch (error) {
    if (!(error instanceof HomeLost)) cleanup.run()
    throw error
  }
  return {
    ...started,
    failure: () => readOciLog(readLog(bundle), spec.args[0] ?? ''),
    finish: () => cleanup.run(),
  }
}

function makeBundle({ home, id }: OciStart, cleanup: ReturnType<typeof createUndo>): string {
  const bundle = join(home.filesPlace, id)
  mkdirSync(bundle, { mode: 0o700 })
  cleanup.add(() => rmSync(bundle, { recursive: true, force: true }))
  return bundle
}

/** OCI programs open these files themselves, and would wait for ever on a fifo. */
function hideOddAccounts(step: StepRoot): void {
  for (const path of ['/etc/passwd', '/etc/group']) {
    if (step.home.within(step.fd, () => isSpecial(path))) mountText(step, path, '')
  }
}

function isSpecial(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === false
  } catch {
    // A link in a circle, for example: nobody can wait on that.
    return false
  }
}

/** In the root: who the step runs as, and whether its command is there. Makes the working directory. */
function inspectRoot({ user, cwd, args, env }: ProcessSpec): { user: ResolvedUser; command: string } {
  const resolved = lookUpUser(user)
  try {
    mkdirSync(cwd, { recursive: true, mode: 0o755 })
  } catch (error) {
    throw asRuntimeError('ROOT_UNUSABLE', `Cannot enter the working directory "${cwd}"`, error)
  }
  const name = args[0] ?? ''
  const command = findCommand(name, env, cwd)
  checkProgram(name, command, cwd)
  return { user: resolved, command }
}

function startProgram(start: OciStart, bundle: string, user: ResolvedUser): StartedProgram {
  const host = openHost()
  const ours: number[] = []
  const theirs: number[] = []
  try {
    theirs.push(openSync('/dev/null', constants.O_RDONLY | O_CLOEXEC))
    for (let count = 0; count < 2; count++) {
      const [read, write] = host.pipe2()
      ours.push(read)
      theirs.push(write)
      // `echo > /dev/stderr` opens the pipe anew, as the user that the step has.
      host.fchown(write, user.uid, user.gid)
    }
    const pid = host.spawn(childCalls(start, bundle, theirs))
    return { pid, stdout: ours[0]!, stderr: ours[1]! }
  } catch (error) {
    for (const fd of ours) closeSync(fd)
    throw asRuntimeError('RUNTIME_UNAVAILABLE', `Cannot start "${start.program.path}"`, error)
  } finally {
    for (const fd of theirs) closeSync(fd)
  }
}

/** The program is the first of its PID namespace, and needs a /proc that shows this one. */
function childCalls({ program, stateRoot, id }: OciStart, bundle: string, stdio: readonly number[]): ChildCall[] {
  const { path, withoutCgroups } = program
  const rootless = withoutCgroups ? ['--rootless=true'] : []
  const log = ['--log', join(bundle, 'log'), '--log-format', 'json']
  const args = [path, ...rootless, ...log, '--root', stateRoot, 'run', '--bundle', bundle, id]
  return [
    { name: 'setsid', args: [] },
    { name: 'mount', args: ['proc', '/proc', 'proc', MS_NOSUID | MS_NODEV | MS_NOEXEC, null] },
    ...stdio.map((fd, index): ChildCall => ({ name: 'dup3', args: [fd, index, 0] })),
    { name: 'close_range', args: [3, 0xffffffff, 0] },
    { name: 'prctl', args: [PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0] },
    { name: 'execve', args: [path, args, ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin']] },
  ]
}

function readLog(bundle: string): string {
  try {
    return readFileSync(join(bundle, 'log'), 'utf8')
  } catch {
    return ''
  }
}
