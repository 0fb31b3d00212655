import { chmodSync, mkdirSync, symlinkSync } from 'node:fs'
import { MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_STRICTATIME, openHost, S_IFCHR } from '@tsbuild/host'

/** Character devices of a container: minor and major numbers are Linux's own. */
const devices = { null: [1, 3], zero: [1, 5], full: [1, 7], random: [1, 8], urandom: [1, 9], tty: [5, 0] } as const

const links = {
  fd: '/proc/self/fd',
  stdin: '/proc/self/fd/0',
  stdout: '/proc/self/fd/1',
  stderr: '/proc/self/fd/2',
  ptmx: 'pts/ptmx',
  core: '/proc/kcore',
} as const

const defaultShmBytes = 64 << 20
const ttyGroup = 5

/** Makes a private /dev in the thread's present root, in its IPC namespace. */
export function mountDevices(shmSizeBytes = defaultShmBytes): void {
  const host = openHost()
  host.mount('tmpfs', '/dev', 'tmpfs', MS_NOSUID | MS_STRICTATIME, 'mode=755,size=65536k')
  const umask = host.umask(0)
  for (const [name, [major, minor]] of Object.entries(devices))
    host.mknod(`/dev/${name}`, S_IFCHR | 0o666, major, minor)
  host.umask(umask)
  for (const [name, target] of Object.entries(links)) symlinkSync(target, `/dev/${name}`)
  for (const name of ['pts', 'shm', 'mqueue']) mkdirSync(`/dev/${name}`)
  const flags = MS_NOSUID | MS_NOEXEC
  host.mount('devpts', '/dev/pts', 'devpts', flags, `newinstance,ptmxmode=0666,mode=0620,gid=${ttyGroup}`)
  host.mount('shm', '/dev/shm', 'tmpfs', flags | MS_NODEV, `mode=1777,size=${shmSizeBytes}`)
  host.mount('mqueue', '/dev/mqueue', 'mqueue', flags | MS_NODEV)
  chmodSync('/dev/mqueue', 0o1777)
}
