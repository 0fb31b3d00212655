import { openSync, writeSync } from 'node:fs'

/** Read once, when this module is loaded. `<action> <point> <count>`: the `count`th time (from 1, in each thread) that `point` is
 * reached (`*`: any of them), the process ends by SIGKILL (`kill`), stops by SIGSTOP (`stop`), or an error with that errno is thrown (`EIO`,
 * `ENOSPC`).
 * `trace <file>`: every point that is reached is added to the file, a line each. */
export const faultVariable = 'TSBUILD_FAULT'

const errnos: Readonly<Record<string, number>> = { EIO: -5, ENOSPC: -28 }
const signals: Readonly<Record<string, NodeJS.Signals>> = { kill: 'SIGKILL', stop: 'SIGSTOP' }

/** An instant of which tests of crash safety want to know that nothing is lost when the process dies there, or the disk fails:
 * `<noun>.<verb>.before` and `.after` each rename that names something, each transaction that publishes something, each removal.
 *
 * Does nothing unless the environment asks for it, and who can set a process's environment can end it anyway.
 * @throws an error with an errno, where the environment asks for it */
export const faultPoint: (name: string) => void = readPlan(process.env[faultVariable])

function readPlan(plan: string | undefined): (name: string) => void {
  const [action = '', wanted = '', count = '1'] = plan?.split(' ') ?? []
  const errno = errnos[action]
  if (action === 'trace') {
    // Opened now: a thread that copies has the snapshot as its root.
    const file = openSync(wanted, 'a')
    return (name) => void writeSync(file, `${name}\n`)
  }
  const signal = signals[action]
  if (signal === undefined && errno === undefined) return () => {}
  let left = Number(count)
  return (name) => {
    if ((name !== wanted && wanted !== '*') || --left !== 0) return
    if (signal !== undefined) process.kill(process.pid, signal)
    if (signal === 'SIGSTOP') return
    throw Object.assign(new Error(`${action}: injected at ${name}`), { code: action, errno, syscall: 'fault' })
  }
}
