import { closeSync, constants, openSync, stat } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
import type { Mount } from '@tsbuild/spec'
import { CLONE_FS, CLONE_NEWNS, MNT_DETACH, MS_REC, MS_SLAVE, O_CLOEXEC, O_PATH } from './constants.js'
import { HostError } from './errors.js'
import { mountRoot } from './mount-root.js'
import { openHost } from './open-host.js'

/** A directory tree that the calling thread can take as its root.
 *
 * While it is entered, every *synchronous* fs call of this thread sees the tree as `/`: absolute paths, absolute links and `..` stay
 * inside, held there by the kernel. Asynchronous fs calls run on other threads and still see the host; nothing may be imported,
 * resolved by name or loaded while a tree is entered. Entering costs two system calls (about 5 µs), so a copy between trees opens its
 * source in one, enters the other and writes there: descriptors stay valid across `enter`. */
export interface Tree extends Disposable {
  /** An `O_PATH` descriptor of the tree's root, close-on-exec. */
  readonly fd: number
  enter(): void
}

/** The tree that `enterRoot` made the thread's root. */
export interface EnteredRoot extends Disposable {
  readonly tree: Tree
  /** Back to the host's root; the mount is gone afterwards. Harmless when done twice. */
  leave(): void
}

interface ThreadState {
  readonly hostFd: number
  currentFd: number
}

let state: ThreadState | undefined

/** Gives this worker thread a mount namespace, root and current directory of its own, once; the tree functions do it themselves.
 * Mounts made by this thread are seen by no other, and vanish with it, also after `kill -9`; those of the host still come in.
 * @throws {HostError} `HOST_UNSUPPORTED` on the main thread, `SYSCALL_FAILED` without the privilege */
export function ownMounts(): void {
  threadState()
}

function threadState(): ThreadState {
  if (state) return state
  if (isMainThread) {
    throw new HostError('HOST_UNSUPPORTED', 'Cannot change the root of the main thread: it is the whole program', {
      hint: 'Do it in a worker thread',
    })
  }
  const host = openHost()
  startThreadPool()
  host.unshare(CLONE_FS | CLONE_NEWNS)
  host.mount(null, '/', null, MS_REC | MS_SLAVE)
  const hostFd = openDirectory('/')
  state = { hostFd, currentFd: hostFd }
  return state
}

/** Starts libuv's threads, all at once, from a thread that still has the host's root: they inherit it from who starts them. */
export function startThreadPool(): void {
  stat('/', () => {})
}

/** Mounts `mount` where only this thread can see it, detached from every directory.
 *
 * It is mounted for an instant in the thread's own namespace, opened, and detached; from then on the descriptor alone keeps it. So
 * it works from Linux 3.18 on, leaves no mount point anywhere, and needs no /proc to be reached. Several trees may be open at once.
 * Disposing it unmounts (and leaves it, if it is entered); files that are still open in it keep it alive.
 * @throws {HostError} `SYSCALL_FAILED`, `HOST_UNSUPPORTED` */
export function openMountTree(mount: Mount): Tree {
  return fromHostRoot(() => {
    const host = openHost()
    const place = mountRoot(mount)
    try {
      return openTree(place)
    } finally {
      host.umount2(place, MNT_DETACH)
    }
  })
}

/** A directory of the host as a tree, with all that is mounted below it.
 * @throws the error of `open` */
export function openDirectoryTree(directory: string): Tree {
  return fromHostRoot(() => openTree(directory))
}

/** Back to the host's root. */
export function enterHostRoot(): void {
  const { hostFd } = threadState()
  enter(hostFd)
}

/** Mounts `mount` and makes it the root of this worker thread until `leave`.
 * @throws {HostError} `SYSCALL_FAILED`, `HOST_UNSUPPORTED` */
export function enterRoot(mount: Mount): EnteredRoot {
  const tree = openMountTree(mount)
  tree.enter()
  const leave = () => tree[Symbol.dispose]()
  return { tree, leave, [Symbol.dispose]: leave }
}

function openTree(directory: string): Tree {
  const fd = openDirectory(directory)
  let open = true
  return {
    fd,
    enter() {
      if (!open) throw new HostError('HOST_UNSUPPORTED', `Cannot enter the tree "${directory}": it is closed`)
      enter(fd)
    },
    [Symbol.dispose]() {
      if (!open) return
      open = false
      if (threadState().currentFd === fd) enterHostRoot()
      closeSync(fd)
    },
  }
}

function enter(fd: number): void {
  const host = openHost()
  const thread = threadState()
  host.fchdir(fd)
  host.chroot('.')
  thread.currentFd = fd
}

function fromHostRoot<T>(action: () => T): T {
  const { currentFd, hostFd } = threadState()
  if (currentFd !== hostFd) enter(hostFd)
  try {
    return action()
  } finally {
    // The current directory must not keep a detached mount alive.
    enter(currentFd)
  }
}

function openDirectory(path: string): number {
  return openSync(path, O_PATH | constants.O_DIRECTORY | O_CLOEXEC)
}
