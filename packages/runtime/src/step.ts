import { closeSync, constants, openSync } from 'node:fs'
import { O_CLOEXEC, openHost } from '@tsbuild/host'
import type { ProcessSpec } from '@tsbuild/spec'
import { findCommand } from './find-command.js'
import { createUndo, type LauncherHome } from './launcher-home.js'
import { lookUpUser } from './read-accounts.js'
import type { KernelFiles } from './step-kernel-files.js'
import { startProcess } from './step-process.js'
import { buildRoot, defaultHostname, enterWorkingDirectory } from './step-root.js'

/** A step whose process runs; the thread is at home again. */
export interface StartedStep {
  readonly pid: number
  /** Read ends; whoever gets them closes them. */
  readonly stdout: number
  readonly stderr: number
  /** To be called once the process has ended: removes what was made for it. */
  finish(): void
}

/** Starts a step: everything here is synchronous, and ends with the thread back home.
 *
 * Between `leave` and `comeBack` nothing may be loaded nor any name looked up by libc, or the image's libraries would run in this
 * process.
 * @throws {RuntimeError} when the step cannot be started; the thread is at home
 * @throws {HomeLost} when the thread could not come back */
export function startStep(home: LauncherHome, kernel: KernelFiles, spec: ProcessSpec): StartedStep {
  const cleanup = createUndo()
  let started: Omit<StartedStep, 'finish'>
  try {
    try {
      home.leave(spec.network)
      const { undo } = buildRoot(home, kernel, spec)
      cleanup.add(() => undo.run())
      started = startInRoot(kernel, spec)
    } finally {
      comeBack(home)
    }
  } catch (error) {
    if (!(error instanceof HomeLost)) cleanup.run()
    throw error
  }
  return { ...started, finish: () => cleanup.run() }
}

/** The launcher thread is in unknown namespaces and must not be used again. */
export class HomeLost extends Error {}

function comeBack(home: LauncherHome): void {
  try {
    home.comeBack()
  } catch (cause) {
    throw new HomeLost('Cannot return to the namespaces of the host', { cause })
  }
}

function startInRoot(kernel: KernelFiles, spec: ProcessSpec): Omit<StartedStep, 'finish'> {
  const host = openHost()
  host.sethostname(spec.hostname ?? defaultHostname)
  if (spec.network === 'none') host.loopbackUp()
  const user = lookUpUser(spec.user)
  enterWorkingDirectory(spec.cwd)
  const path = findCommand(spec.args[0] ?? '', spec.env, spec.cwd)
  const ours: number[] = []
  const theirs: number[] = []
  const stdin = openSync('/dev/null', constants.O_RDONLY | O_CLOEXEC)
  try {
    const [stdout, stderr] = [0, 1].map(() => {
      const [read, write] = host.pipe2()
      ours.push(read)
      theirs.push(write)
      // `echo > /dev/stderr` opens the pipe anew, as the user that the step has.
      host.fchown(write, user.uid, user.gid)
      return write
    })
    const procCalls = kernel.procCalls(spec.security ?? 'sandbox')
    const pid = startProcess({ spec, path, user, procCalls, stdio: [stdin, stdout!, stderr!] })
    return { pid, stdout: ours[0]!, stderr: ours[1]! }
  } catch (error) {
    for (const fd of ours) host.close(fd)
    throw error
  } finally {
    for (const fd of theirs) host.close(fd)
    closeSync(stdin)
  }
}
