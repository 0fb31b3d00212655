import { mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** Ids of the machine's processes that have `marker` in their command line. */
export function processesWith(marker: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => commandLine(pid).includes(marker))
    .map(Number)
}

/** Waits until there is a process with `marker`. */
export async function processWith(marker: string): Promise<number> {
  for (let tries = 0; tries < 500; tries++) {
    const [pid] = processesWith(marker)
    if (pid !== undefined) return pid
    await delay(10)
  }
  throw new Error(`no process with ${marker}`)
}

/** A number of seconds that no other test sleeps for. */
export function uniqueSeconds(): string {
  return `${10_000 + process.pid}.${String(Math.floor(Math.random() * 1e9)).padStart(9, '0')}`
}

export function hostNamespace(name: string): string {
  return readlinkSync(`/proc/self/ns/${name}`)
}

export function makeDirs(...paths: string[]): void {
  for (const path of paths) mkdirSync(path, { recursive: true })
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}
