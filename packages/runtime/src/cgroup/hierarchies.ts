import { readFileSync } from 'node:fs'
import { type MountInfo, parseMountInfo } from '@tsbuild/host'

/** A mounted cgroup hierarchy (cgroups(7)). A machine has one of version 2, several of version 1, or both. */
export interface Hierarchy {
  readonly version: 1 | 2
  /** Of version 1: what is mounted together, `name=…` included. */
  readonly controllers: readonly string[]
  readonly mountPoint: string
  /** Which cgroup is seen at the mount point. */
  readonly root: string
}

const otherOptions = /^(rw|ro|xattr|clone_children|release_agent=.*|noprefix|nsdelegate|memory_.*|favordynmods)$/

/** The hierarchies of this machine, as this process sees them; a later mount on the same place hides an earlier one. */
export function readHierarchies(mountInfo = readFileSync('/proc/self/mountinfo', 'utf8')): Hierarchy[] {
  const found = new Map<string, Hierarchy>()
  for (const mount of parseMountInfo(mountInfo)) {
    const hierarchy = hierarchyOf(mount)
    if (hierarchy) found.set(mount.mountPoint, hierarchy)
    else found.delete(mount.mountPoint)
  }
  return [...found.values()]
}

function hierarchyOf({ type, mountPoint, root, superOptions }: MountInfo): Hierarchy | undefined {
  if (type === 'cgroup2') return { version: 2, controllers: [], mountPoint, root }
  if (type !== 'cgroup') return undefined
  const controllers = superOptions.split(',').filter((option) => !otherOptions.test(option))
  return { version: 1, controllers, mountPoint, root }
}

/** The directory of the cgroup that a process is in; `undefined` where it is not below what is mounted.
 * @param membership content of `/proc/PID/cgroup` */
export function cgroupDirectory({ version, controllers, mountPoint, root }: Hierarchy, membership: string) {
  const path = membership
    .split('\n')
    .map((line) => /^(\d+):([^:]*):(.*)$/.exec(line))
    .find(
      (match) => match && (version === 2 ? match[1] === '0' : match[2] !== '' && sameSet(match[2]!, controllers)),
    )?.[3]
  if (path === undefined || path.startsWith('/..')) return undefined
  if (root === '/') return mountPoint + (path === '/' ? '' : path)
  return path === root || path.startsWith(`${root}/`) ? mountPoint + path.slice(root.length) : undefined
}

function sameSet(text: string, controllers: readonly string[]): boolean {
  const names = text.split(',')
  return names.length === controllers.length && names.every((name) => controllers.includes(name))
}

/** Content of `/proc/PID/cgroup`; '' where there is no such process. */
export function readMembership(pid: number | 'self'): string {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'utf8')
  } catch {
    return ''
  }
}
