import { openHost } from '@tsbuild/host'
import { type Lifeline, openLifeline } from './watcher.js'

const SIGKILL = 9

/** Sees to it that a process ends with this one. Its own PR_SET_PDEATHSIG is lost when it changes its user, as many servers do.
 * @returns to be ended when the process has; `undefined` when that is so already */
export function guardProcess(pid: number): Lifeline | undefined {
  const host = openHost()
  const pidfd = host.pidfdOpen(pid)
  if (pidfd === undefined) return undefined
  try {
    const lifeline = openLifeline()
    lifeline.watch([{ name: 'pidfd_send_signal', args: [pidfd, SIGKILL, null, 0] }], [pidfd])
    return lifeline
  } finally {
    host.close(pidfd)
  }
}
