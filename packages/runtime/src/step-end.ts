import { constants } from 'node:os'
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import { type ChildEnd, openHost } from '@tsbuild/host'
import type { ExitStatus } from '@tsbuild/spec'

/** How often a process is asked after that has not closed its output. */
const slowPollMs = 100
const spinMs = 2
const longestPauseMs = 50

/** Waits for the end of a process whose output ends at `outputEnded`, usually microseconds before it does itself. The process is not
 * one of libuv's, so nobody else reaps it, and asking costs a microsecond. */
export async function waitForEnd(pid: number, outputEnded: Promise<void>): Promise<ExitStatus> {
  let open = true
  const closed = outputEnded.then(() => {
    open = false
  })
  const started = performance.now()
  while (open) {
    const end = openHost().wait(pid)
    if (end) return exitStatus(end)
    const timer = new AbortController()
    const pause = Math.min(slowPollMs, 5 + (performance.now() - started) / 10)
    await Promise.race([closed, delay(pause, undefined, { signal: timer.signal }).catch(() => {})])
    timer.abort()
  }
  return exitStatus(await waitShortly(pid))
}

async function waitShortly(pid: number): Promise<ChildEnd> {
  const until = performance.now() + spinMs
  for (let pause = 1; ; ) {
    const end = openHost().wait(pid)
    if (end) return end
    if (performance.now() < until) {
      await nextTurn()
    } else {
      await delay(pause)
      pause = Math.min(pause * 2, longestPauseMs)
    }
  }
}

const signalNames = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name as NodeJS.Signals]))

function exitStatus(end: ChildEnd): ExitStatus {
  if ('code' in end) return { code: end.code }
  const signal = signalNames.get(end.signal)
  return { code: 128 + end.signal, ...(signal ? { signal } : {}) }
}
