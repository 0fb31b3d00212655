import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Every process of a PID namespace: those in it, and what they have below them in namespaces of their own.
 * @param namespace as `/proc/PID/ns/pid` names it */
export function processesIn(namespace: string): number[] {
  const parents = new Map<number, number>()
  const found = new Set<number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const pid = Number(name)
    try {
      if (readlinkSync(`/proc/${pid}/ns/pid`) === namespace) found.add(pid)
      else parents.set(pid, parentOf(pid))
    } catch {
      // Ended meanwhile.
    }
  }
  const isBelow = (pid: number): boolean => {
    if (found.has(pid)) return true
    const parent = parents.get(pid)
    if (parent === undefined || !isBelow(parent)) return false
    found.add(pid)
    return true
  }
  for (const pid of parents.keys()) isBelow(pid)
  return [...found]
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
}

/** Whether every thread of a process stands still, has ended, or is waited for by the kernel to do so. */
export function isStopped(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).every((task) => /^[TtZX]$/.test(stateOf(pid, task)))
  } catch {
    return true
  }
}

function stateOf(pid: number, task: string): string {
  try {
    const stat = readFileSync(`/proc/${pid}/task/${task}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3)
  } catch {
    return 'X'
  }
}
