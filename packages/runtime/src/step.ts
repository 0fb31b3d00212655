import { closeSync, writeFileSync } from 'node:fs'
import { MS_BIND, openHost } from '@tsbuild/host'
import type { ProcessSpec } from '@tsbuild/spec'
import { createCgroup } from './cgroup/create-cgroup.js'
import { openMembers } from './cgroup/process-cgroups.js'
import { findCommand } from './find-command.js'
import { withInit } from './init-program.js'
import { createUndo, type LauncherHome } from './launcher-home.js'
import type { StdioRequest } from './launcher-protocol.js'
import { lookUpUser } from './read-accounts.js'
import type { KernelFiles } from './step-kernel-files.js'
import { defaultHostname } from './step-names.js'
import { startProcess } from './step-process.js'
import { buildRoot, enterWorkingDirectory } from './step-root.js'
import { openStdio, type StdioEnds } from './step-stdio.js'

/** A step whose process runs; the thread is at home again. */
export interface StartedStep {
  readonly pid: number
  /** Whoever gets the descriptors closes them. */
  readonly ends: StdioEnds
  /** Paths in the root that were made for mounts. */
  readonly mountPoints: readonly string[]
  /** To be called once the process has ended: removes what was made for it. */
  finish(): Promise<void> | void
}

/** Starts a step: everything here is synchronous, and ends with the thread back home.
 *
 * Between `leave` and `comeBack` nothing may be loaded nor any name looked up by libc, or the image's libraries would run in this
 * process.
 * @throws {RuntimeError} when the step cannot be started; the thread is at home
 * @throws {HomeLost} when the thread could not come back */
export function startStep(
  home: LauncherHome,
  kernel: KernelFiles,
  spec: ProcessSpec,
  stdio: StdioRequest = {},
): StartedStep {
  const cgroup = spec.cgroup && createCgroup(spec.cgroup)
  const cleanup = createUndo()
  let started: Omit<StartedStep, 'finish'>
  const finish = () => {
    cleanup.run()
    return cgroup?.remove()
  }
  try {
    const cgroups = (cgroup?.directories ?? []).map(openMembers)
    try {
      home.leave(spec.network)
      const { undo, points } = buildRoot(home, kernel, spec)
      cleanup.add(() => undo.run())
      started = { ...startInRoot(kernel, spec, { stdio, cgroups }), mountPoints: points.made() }
    } finally {
      comeBack(home)
      for (const fd of cgroups) closeSync(fd)
    }
  } catch (error) {
    if (!(error instanceof HomeLost)) void finish()
    throw error
  }
  return { ...started, finish }
}

/** The launcher thread is in unknown namespaces and must not be used again. */
export class HomeLost extends Error {}

/** @throws {HomeLost} */
export function comeBack(home: LauncherHome): void {
  try {
    home.comeBack()
  } catch (cause) {
    throw new HomeLost('Cannot return to the namespaces of the host', { cause })
  }
}

function startInRoot(
  kernel: KernelFiles,
  spec: ProcessSpec,
  means: { readonly stdio: StdioRequest; readonly cgroups: readonly number[] },
): Pick<StartedStep, 'pid' | 'ends'> {
  const host = openHost()
  host.sethostname(spec.hostname ?? defaultHostname)
  if (spec.network === 'none') host.loopbackUp()
  const user = lookUpUser(spec.user)
  enterWorkingDirectory(spec.cwd)
  const command = findCommand(spec.args[0] ?? '', spec.env, spec.cwd)
  const stdio = openStdio(means.stdio, user)
  try {
    if (stdio.terminalPath) mountConsole(stdio.terminalPath)
    const procCalls = kernel.procCalls(spec.security ?? 'sandbox')
    const terminal = stdio.terminalPath !== undefined
    const pid = startProcess({
      ...withInit(spec, command),
      user,
      procCalls,
      stdio: stdio.theirs,
      terminal,
      cgroups: means.cgroups,
    })
    return { pid, ends: stdio.ends }
  } catch (error) {
    stdio.closeOurs()
    throw error
  } finally {
    stdio.closeTheirs()
  }
}

/** /dev is the step's own by now. */
function mountConsole(terminalPath: string): void {
  writeFileSync('/dev/console', '', { mode: 0o600 })
  openHost().mount(terminalPath, '/dev/console', null, MS_BIND)
}
