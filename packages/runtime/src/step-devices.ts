import { chmodSync, closeSync, constants, mkdirSync, openSync, symlinkSync } from 'node:fs'
import {
  MS_BIND,
  MS_MOVE,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_STRICTATIME,
  O_CLOEXEC,
  O_PATH,
  openHost,
  S_IFCHR,
} from '@tsbuild/host'
import type { ProcessSpec } from '@tsbuild/spec'
import { type HostDevice, hostDevices, makeDevices } from './host-devices.js'

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

/** Makes the nodes of every step's devices in an empty directory, which gets a file system of its own for that. */
export function mountDeviceNodes(directory: string): void {
  const host = openHost()
  host.mount('tmpfs', directory, 'tmpfs', MS_NOSUID | MS_NOEXEC, 'mode=700')
  makeNodes(directory)
}

/** Where things are while a /dev is put together, all of it on the host's side. */
export interface DevicePlaces {
  /** A free directory. */
  readonly workPlace: string
  /** What `mountDeviceNodes` filled. */
  readonly nodesPlace: string
}

/** Makes a private /dev, in the thread's IPC namespace, and moves it onto the directory behind `target`.
 *
 * Root in the step may make nodes of any device, as in Docker. Without a cgroup to forbid their use it is the mount that does: /dev
 * has no devices, but for the few that are bound into it one by one. An insecure step has none of that. */
export function mountDevices(places: DevicePlaces, target: number, spec: ProcessSpec): void {
  const { workPlace: dev, nodesPlace } = places
  const host = openHost()
  const insecure = spec.security === 'insecure'
  const more: HostDevice[] = spec.sandbox?.hostDevices ? hostDevices() : []
  host.mount('tmpfs', dev, 'tmpfs', MS_NOSUID | MS_STRICTATIME | (insecure ? 0 : MS_NODEV), 'mode=755,size=65536k')
  if (insecure) makeNodes(dev)
  else bindNodes(nodesPlace, dev)
  makeDevices(dev, more)
  for (const [name, path] of Object.entries(links)) symlinkSync(path, `${dev}/${name}`)
  for (const name of ['pts', 'shm', 'mqueue']) mkdirSync(`${dev}/${name}`)
  const flags = MS_NOSUID | MS_NOEXEC
  const shmBytes = spec.shmSizeBytes ?? defaultShmBytes
  host.mount('devpts', `${dev}/pts`, 'devpts', flags, `newinstance,ptmxmode=0666,mode=0620,gid=${ttyGroup}`)
  host.mount('shm', `${dev}/shm`, 'tmpfs', flags | MS_NODEV, `mode=1777,size=${shmBytes}`)
  host.mount('mqueue', `${dev}/mqueue`, 'mqueue', flags | MS_NODEV)
  chmodSync(`${dev}/mqueue`, 0o1777)
  host.mount(dev, `/proc/thread-self/fd/${target}`, null, MS_MOVE)
}

/** A descriptor of /dev in the thread's present root, for `mountDevices`. */
export function openDevDirectory(): number {
  return openSync('/dev', O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW | O_CLOEXEC)
}

function makeNodes(directory: string): void {
  const host = openHost()
  const umask = host.umask(0)
  for (const [name, [major, minor]] of Object.entries(devices)) {
    host.mknod(`${directory}/${name}`, S_IFCHR | 0o666, major, minor)
  }
  host.umask(umask)
}

function bindNodes(from: string, to: string): void {
  for (const name of Object.keys(devices)) {
    closeSync(openSync(`${to}/${name}`, 'wx', 0o600))
    openHost().mount(`${from}/${name}`, `${to}/${name}`, null, MS_BIND)
  }
}
