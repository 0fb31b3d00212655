import { setTimeout as delay } from 'node:timers/promises'
import { openHost } from '@tsbuild/host'
import { RuntimeError } from '../errors.js'
import { openTarget, pidNamespaceOf, type TargetProcess } from '../exec-target.js'
import type { ProcessTarget } from '../launcher-protocol.js'
import { type Lifeline, openLifeline } from '../watcher.js'
import { type Freezer, freezerOf } from './freezer.js'
import { isStopped, processesIn } from './namespace-processes.js'

const SIGCONT = 18
const SIGSTOP = 19
const patienceMs = 10_000

/** Stops a container: with its freezer, and what is not in that one by signals. Both are undone by watchers, which start before and
 * wait for the end of the result or of this process.
 * @throws {RuntimeError} `PROCESS_GONE`, `RUNTIME_UNAVAILABLE` when something in it does not stop; it goes on then */
export async function pauseContainer(requested: ProcessTarget): Promise<Lifeline> {
  const target = openTarget(requested)
  const lifeline = openLifeline()
  try {
    const namespace = pidNamespaceOf(target.pid)
    const freezer = freezerOf(target.pid)
    target.checkAlive()
    const frozen = freezer ? await freeze(freezer, lifeline, target) : () => new Set<number>()
    await stopAll(namespace, frozen, lifeline, target)
    return lifeline
  } catch (error) {
    await lifeline.end()
    throw error
  } finally {
    target.close()
  }
}

async function freeze(freezer: Freezer, lifeline: Lifeline, target: TargetProcess): Promise<() => Set<number>> {
  freezer.watch(lifeline)
  freezer.freeze()
  await until(() => freezer.isFrozen(), target)
  return freezer.members
}

/** A process that is born while we look is found in the next round, until there is none. */
async function stopAll(
  namespace: string,
  frozen: () => Set<number>,
  lifeline: Lifeline,
  target: TargetProcess,
): Promise<void> {
  const seen = new Set<number>()
  for (;;) {
    const resting = frozen()
    const fresh = processesIn(namespace).filter((pid) => !seen.has(pid) && !resting.has(pid))
    if (fresh.length === 0) return
    for (const pid of fresh) seen.add(pid)
    stop(
      namespace,
      fresh.filter((pid) => !isStopped(pid)),
      lifeline,
    )
    await until(() => fresh.every(isStopped), target)
  }
}

function stop(namespace: string, pids: readonly number[], lifeline: Lifeline): void {
  if (pids.length === 0) return
  const host = openHost()
  const held = pids.map((pid) => ({ pid, pidfd: host.pidfdOpen(pid) }))
  const all = held.flatMap(({ pidfd }) => (pidfd === undefined ? [] : [pidfd]))
  try {
    // An id may have been used again before it was opened.
    const still = new Set(processesIn(namespace))
    const pidfds = held.flatMap(({ pid, pidfd }) => (pidfd === undefined || !still.has(pid) ? [] : [pidfd]))
    if (pidfds.length === 0) return
    lifeline.watch(
      pidfds.map((pidfd) => ({ name: 'pidfd_send_signal', args: [pidfd, SIGCONT, null, 0] })),
      pidfds,
    )
    for (const pidfd of pidfds) host.pidfdSendSignal(pidfd, SIGSTOP)
  } finally {
    for (const pidfd of all) host.close(pidfd)
  }
}

async function until(condition: () => boolean, { pid, checkAlive }: TargetProcess): Promise<void> {
  const end = performance.now() + patienceMs
  for (let pauseMs = 0; !condition(); pauseMs = Math.min(pauseMs + 1, 20)) {
    checkAlive()
    if (performance.now() > end) {
      throw new RuntimeError('RUNTIME_UNAVAILABLE', `Cannot pause the container of process ${pid}: it does not stop`)
    }
    await delay(pauseMs)
  }
}
