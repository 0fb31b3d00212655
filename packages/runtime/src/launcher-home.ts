import { closeSync, constants, existsSync, fstatSync, mkdirSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import {
  CLONE_FS,
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWUTS,
  MS_NODEV,
  MS_NOSUID,
  MS_PRIVATE,
  MS_REC,
  MS_SLAVE,
  O_CLOEXEC,
  O_PATH,
  openHost,
  startThreadPool,
} from '@tsbuild/host'
import type { ProcessNetwork } from '@tsbuild/spec'
import { mountDeviceNodes } from './step-devices.js'

/** The launcher thread's own namespaces and root, from where each step starts and to which it returns. */
export interface LauncherHome {
  /** Empty directories to mount a root and a source on, seen by this thread only. */
  readonly rootPlace: string
  readonly sourcePlace: string
  /** For files with given content, in memory. */
  readonly filesPlace: string
  /** The device nodes of every step's /dev. */
  readonly devicesPlace: string
  /** Moves the thread into namespaces of their own for the next child. */
  leave(network: ProcessNetwork): void
  /** Moves the thread into the namespaces and the root of the process behind a pidfd, but for its PID namespace. */
  join(pidfd: number): void
  /** Makes the directory behind `fd` the root of the thread while `action` runs; synchronous fs calls only. */
  within<T>(fd: number, action: () => T): T
  /** Back to the thread's own namespaces, root and directory. Whatever throws here leaves the thread unusable. */
  comeBack(): void
}

const namespaceTypes = {
  mnt: CLONE_NEWNS,
  uts: CLONE_NEWUTS,
  ipc: CLONE_NEWIPC,
  net: CLONE_NEWNET,
  pid: CLONE_NEWPID,
  cgroup: CLONE_NEWCGROUP,
} as const

/** Makes the calling thread a launcher: it gets an fs struct and a mount namespace of its own for good. Nothing of that is seen by
 * other threads.
 * @param stateDir an existing directory of the host
 * @throws {HostError} `SYSCALL_FAILED`, `HOST_UNSUPPORTED` */
export function openLauncherHome(stateDir: string): LauncherHome {
  const host = openHost()
  startThreadPool()
  host.unshare(CLONE_FS | CLONE_NEWNS)
  host.mount(null, '/', null, MS_REC | MS_SLAVE)
  host.umask(0o022)
  host.mount('tmpfs', stateDir, 'tmpfs', MS_NOSUID | MS_NODEV, 'mode=0700')
  const places = {
    rootPlace: join(stateDir, 'root'),
    sourcePlace: join(stateDir, 'source'),
    filesPlace: join(stateDir, 'files'),
    devicesPlace: join(stateDir, 'devices'),
  }
  for (const place of Object.values(places)) mkdirSync(place)
  mountDeviceNodes(places.devicesPlace)
  const openRoot = () => openSync('/', O_PATH | constants.O_DIRECTORY | O_CLOEXEC)
  const homeRoot = openRoot()
  // The host's root as the present mount namespace has it: mounts of another one can be neither source nor target.
  let hostRoot = homeRoot
  const present = Object.entries(namespaceTypes).filter(([name]) => existsSync(`/proc/thread-self/ns/${name}`))
  const namespaces = present.map(([name, type]) => {
    return { fd: openSync(`/proc/thread-self/ns/${name}`, constants.O_RDONLY | O_CLOEXEC), type }
  })
  const enter = (fd: number) => {
    host.fchdir(fd)
    host.chroot('.')
  }
  return {
    ...places,
    leave(network) {
      const net = network === 'none' ? CLONE_NEWNET : 0
      host.unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | net)
      hostRoot = openRoot()
      host.mount(null, '/', null, MS_REC | MS_PRIVATE)
      if (typeof network === 'object') joinNetwork(network.path)
    },
    join(pidfd) {
      const types = present.map(([, type]) => type).filter((type) => type !== CLONE_NEWPID)
      host.setns(
        pidfd,
        types.reduce((all, type) => all | type, 0),
      )
    },
    within(fd, action) {
      enter(fd)
      try {
        return action()
      } finally {
        enter(hostRoot)
      }
    },
    comeBack() {
      for (const { fd, type } of namespaces) host.setns(fd, type)
      enter(homeRoot)
      if (hostRoot !== homeRoot) closeSync(hostRoot)
      hostRoot = homeRoot
    },
  }
}

function joinNetwork(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | O_CLOEXEC)
  try {
    openHost().setns(fd, CLONE_NEWNET)
  } finally {
    closeSync(fd)
  }
}

/** Whether the descriptor is a directory's. */
export function isDirectoryFd(fd: number): boolean {
  return fstatSync(fd).isDirectory()
}

/** Things to undo, last first, whatever becomes of the others. */
export function createUndo(): {
  add(action: () => void): void
  addFd(fd: number): number
  addFile(path: string): string
  run(): void
} {
  const actions: (() => void)[] = []
  return {
    add: (action) => void actions.push(action),
    addFd(fd) {
      actions.push(() => closeSync(fd))
      return fd
    },
    addFile(path) {
      actions.push(() => rmSync(path, { force: true }))
      return path
    },
    run() {
      const errors: unknown[] = []
      for (const action of actions.splice(0).reverse()) {
        try {
          action()
        } catch (error) {
          errors.push(error)
        }
      }
      if (errors.length > 0) throw errors[0]
    },
  }
}
