import { lstatSync, mkdirSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { openHost, S_IFBLK, S_IFCHR, S_IFMT } from '@tsbuild/host'

/** A device node of the host. */
export interface HostDevice {
  /** Relative to /dev. */
  readonly path: string
  /** Type and permission bits. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly major: number
  readonly minor: number
}

/** Not devices of the host: a step has its own. */
const own = new Set([
  'pts',
  'shm',
  'fd',
  'mqueue',
  'console',
  'null',
  'zero',
  'full',
  'random',
  'urandom',
  'tty',
  'ptmx',
])

/** The devices in the host's /dev, as Docker gives them to a privileged container. Reads the thread's present root. */
export function hostDevices(directory = '/dev', below = ''): HostDevice[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(below, entry.name)
    if (own.has(path)) return []
    if (entry.isDirectory()) return hostDevices(join(directory, entry.name), path)
    return entry.isBlockDevice() || entry.isCharacterDevice() ? deviceAt(join(directory, entry.name), path) : []
  })
}

/** Makes the nodes in a directory. */
export function makeDevices(directory: string, devices: readonly HostDevice[]): void {
  if (devices.length === 0) return
  const host = openHost()
  const umask = host.umask(0)
  try {
    for (const { path, mode, uid, gid, major, minor } of devices) {
      const place = join(directory, path)
      mkdirSync(dirname(place), { recursive: true, mode: 0o755 })
      host.mknod(place, mode, major, minor)
      host.lchown(place, uid, gid)
    }
  } finally {
    host.umask(umask)
  }
}

/** None where it was removed meanwhile. */
function deviceAt(place: string, path: string): HostDevice[] {
  const stat = lstatSync(place, { throwIfNoEntry: false, bigint: true })
  const mode = Number(stat?.mode ?? 0n)
  if (!stat || ![S_IFBLK, S_IFCHR].includes(mode & S_IFMT)) return []
  // glibc's layout of dev_t: 12 + 20 bits of major, 8 + 12 + 12 bits of minor.
  const major = Number(((stat.rdev >> 8n) & 0xfffn) | ((stat.rdev >> 32n) & 0xfffff000n))
  const minor = Number((stat.rdev & 0xffn) | ((stat.rdev >> 12n) & 0xffffff00n))
  return [{ path, mode, uid: Number(stat.uid), gid: Number(stat.gid), major, minor }]
}
