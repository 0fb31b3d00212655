import { readFileSync } from 'node:fs'
import type { ProcessIdentity } from '@tsbuild/spec'

interface ProcessStat {
  /** `R`, `S`, `Z` … */
  readonly state: string
  readonly startTime: string
}

/** Whether this very process runs: neither gone nor waiting to be reaped. */
export function isRunning({ pid, startTime }: ProcessIdentity): boolean {
  const stat = readStat(String(pid))
  return stat !== undefined && stat.startTime === startTime && stat.state !== 'Z' && stat.state !== 'X'
}

/** This process. */
export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, startTime: readStat('self')?.startTime ?? '' }
}

/** Of /proc/PID/stat (proc(5)). The name in it, in parentheses, may hold anything. */
function readStat(pid: string): ProcessStat | undefined {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return undefined
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  // State is field 3 of all, the start time field 22.
  return { state: fields[0] ?? '', startTime: fields[19] ?? '' }
}
