import { readFileSync } from 'node:fs'

/** When a process was started, in clock ticks since boot (proc(5), field 22 of stat); '' where there is no such process. */
export function startTimeOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}
