import { openHost } from '@tsbuild/host'
import type { ExecSpec } from '@tsbuild/spec'
import { openCgroupsOf } from './cgroup/process-cgroups.js'
import { asRuntimeError } from './errors.js'
import { type ExecProcess, startJoining } from './exec-process.js'
import { awaitCommand, type JoiningProcess } from './exec-reports.js'
import { openTarget, type TargetProcess } from './exec-target.js'
import { findCommand } from './find-command.js'
import type { LauncherHome } from './launcher-home.js'
import type { ProcessTarget, StdioRequest } from './launcher-protocol.js'
import { lookUpUser } from './read-accounts.js'
import { comeBack, type StartedStep } from './step.js'
import { openStdio, type StepStdio } from './step-stdio.js'

export interface ExecRequest {
  readonly target: ProcessTarget
  readonly spec: ExecSpec
  readonly stdio: StdioRequest
  /** Called with the id of the process as soon as there is one: it may be killed, or held up by those that it joins, before its
   * command runs. */
  readonly onPid: (pid: number) => void
}

interface JoiningStep extends JoiningProcess {
  readonly stdio: StepStdio
}

/** Starts a process beside another one. What happens on the thread is synchronous and ends with the thread back home; then the
 * promise waits for the command to run.
 * @throws {RuntimeError} `PROCESS_GONE`, and as `startStep` does; the thread is at home
 * @throws {HomeLost} when the thread could not come back */
export async function startExec(home: LauncherHome, request: ExecRequest): Promise<StartedStep> {
  const host = openHost()
  const target = openTarget(request.target)
  const [reports, report] = host.pipe2()
  let joining: JoiningStep
  try {
    joining = join(home, target, request, report)
  } catch (error) {
    host.close(reports)
    throw error
  } finally {
    host.close(report)
    target.close()
  }
  const { stdio } = joining
  try {
    const pid = await awaitCommand(joining, reports, request.onPid)
    return { pid, ends: stdio.ends, mountPoints: [], finish() {} }
  } catch (error) {
    stdio.closeOurs()
    throw error
  }
}

function join(home: LauncherHome, target: TargetProcess, request: ExecRequest, report: number): JoiningStep {
  const cgroups = openCgroupsOf(target.pid)
  try {
    target.checkAlive()
    try {
      enter(home, target)
      return startInside(request, { pidfd: target.pidfd, cgroups, report })
    } finally {
      comeBack(home)
    }
  } finally {
    for (const fd of cgroups) openHost().close(fd)
  }
}

function enter(home: LauncherHome, { pid, pidfd, checkAlive }: TargetProcess): void {
  try {
    home.join(pidfd)
  } catch (error) {
    checkAlive()
    throw asRuntimeError('RUNTIME_UNAVAILABLE', `Cannot join process ${pid}`, error)
  }
}

/** In the root of the other process: only plain file reads and system calls, see `startStep`. */
function startInside(
  { spec, stdio: request }: ExecRequest,
  means: Pick<ExecProcess, 'pidfd' | 'cgroups' | 'report'>,
): JoiningStep {
  const user = lookUpUser(spec.user)
  enterDirectory(spec.cwd)
  const path = findCommand(spec.args[0] ?? '', spec.env, spec.cwd)
  const stdio = openStdio(request, user)
  try {
    const terminal = stdio.terminalPath !== undefined
    const process = { ...means, spec, path, user, stdio: stdio.theirs, terminal }
    return { process, firstPid: startJoining(process), stdio }
  } catch (error) {
    stdio.closeOurs()
    throw error
  } finally {
    stdio.closeTheirs()
  }
}

function enterDirectory(cwd: string): void {
  try {
    openHost().chdir(cwd)
  } catch (error) {
    throw asRuntimeError('ROOT_UNUSABLE', `Cannot enter the working directory "${cwd}"`, error)
  }
}
