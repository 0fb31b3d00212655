import { readFileSync, readlinkSync, statSync } from 'node:fs'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { HostError } from './errors.js'
import { escapeOption } from './mount-root.js'
import { type MountInfo, parseMountInfo } from './mountinfo.js'
import { openHost } from './open-host.js'

const stuckAfterMs = 10_000

/** Ids of the processes that have `directory` mounted in a mount namespace of their own: as the upper directory of an overlay, or
 * bound somewhere. Found by what the kernel says, so also where nobody recorded them. Costs about 50 µs a process of the machine. */
export async function findProcessesUsing(directory: string): Promise<number[]> {
  const matches = mountMatcher(directory)
  const ours = readlinkSync('/proc/self/ns/mnt')
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const verdicts = new Map<string, boolean>([[ours, false]])
  const found: number[] = []
  for (const pid of pids) {
    try {
      const namespace = await readlink(`/proc/${pid}/ns/mnt`)
      let verdict = verdicts.get(namespace)
      if (verdict === undefined) {
        verdict = parseMountInfo(await readFile(`/proc/${pid}/mountinfo`, 'utf8')).some(matches)
        verdicts.set(namespace, verdict)
      }
      if (verdict) found.push(Number(pid))
    } catch {
      // Ended meanwhile, a zombie, or somebody else's.
    }
  }
  return found
}

/** Kills every process that `findProcessesUsing` finds, and waits until none is left.
 * @throws {HostError} `PROCESS_STUCK` when one does not end within ten seconds */
export async function killProcessesUsing(directory: string): Promise<void> {
  const deadline = Date.now() + stuckAfterMs
  for (let pause = 1; ; pause = Math.min(pause * 2, 100)) {
    const pids = await findProcessesUsing(directory)
    if (pids.length === 0) return
    if (Date.now() > deadline) {
      throw new HostError('PROCESS_STUCK', `Cannot end the processes in "${directory}": ${pids.join(', ')} go on`)
    }
    const matches = mountMatcher(directory)
    for (const pid of pids) killIf(pid, matches)
    await delay(pause)
  }
}

/** Kills `pid` if it is still the process that was found: the descriptor is opened first, so that a reused id is not hit. */
function killIf(pid: number, matches: (mount: MountInfo) => boolean): void {
  const host = openHost()
  const pidfd = host.pidfdOpen(pid)
  if (pidfd === undefined) return
  try {
    if (parseMountInfo(readFileSync(`/proc/${pid}/mountinfo`, 'utf8')).some(matches)) host.pidfdSendSignal(pidfd, 9)
  } catch {
    // Ended meanwhile.
  } finally {
    host.close(pidfd)
  }
}

function mountMatcher(directory: string): (mount: MountInfo) => boolean {
  const upper = new Set([directory, escapeOption(directory)])
  const bound = boundRoot(directory)
  return (mount) => {
    if (mount.type === 'overlay') return splitOptions(mount.superOptions).some((option) => upper.has(option))
    return bound !== undefined && mount.device === bound.device && mount.root === bound.root
  }
}

function splitOptions(options: string): string[] {
  return options
    .split(/(?<!\\),/)
    .filter((option) => option.startsWith('upperdir='))
    .map((option) => option.slice('upperdir='.length))
}

/** How mountinfo would name a bind mount of `directory`. */
function boundRoot(directory: string): { device: string; root: string } | undefined {
  if (!statSync(directory, { throwIfNoEntry: false })) return undefined
  const within = (point: string) => directory === point || directory.startsWith(point === '/' ? '/' : `${point}/`)
  const mounts = parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8')).filter(({ mountPoint }) =>
    within(mountPoint),
  )
  const longest = Math.max(...mounts.map(({ mountPoint }) => mountPoint.length))
  const mount = mounts.findLast(({ mountPoint }) => mountPoint.length === longest)
  if (!mount) return undefined
  const rest = mount.mountPoint === '/' ? directory : directory.slice(mount.mountPoint.length)
  const root = `${mount.root === '/' ? '' : mount.root}${rest === '/' ? '' : rest}`
  return { device: mount.device, root: root === '' ? '/' : root }
}
