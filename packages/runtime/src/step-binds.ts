import { chmodSync, closeSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  hasErrno,
  MNT_DETACH,
  MS_BIND,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_RDONLY,
  MS_REC,
  MS_REMOUNT,
  mountRoot,
  O_CLOEXEC,
  O_PATH,
  openHost,
} from '@tsbuild/host'
import type { Mount, ProcessMount } from '@tsbuild/spec'
import { asRuntimeError } from './errors.js'
import { createUndo, isDirectoryFd, type LauncherHome } from './launcher-home.js'
import type { MountPoints } from './mount-points.js'

/** What mounts of a step are made with. */
export interface StepRoot {
  readonly home: LauncherHome
  /** `O_PATH` descriptor of the root that is being put together; the thread itself has the host's root. */
  readonly fd: number
  readonly points: MountPoints
  /** Device nodes on its mounts are useless. */
  readonly nodev: boolean
  /** What is to be undone after the step. */
  readonly undo: ReturnType<typeof createUndo>
}

type BindMount = Extract<ProcessMount, { kind: 'bind' }>
type SecretMount = Extract<ProcessMount, { kind: 'secret' }>
type TmpfsMount = Extract<ProcessMount, { kind: 'tmpfs' }>

/** Mounts what a step asks for, in order.
 * @throws {RuntimeError} `MOUNT_UNUSABLE` */
export function mountExtra(root: StepRoot, mount: ProcessMount): void {
  try {
    switch (mount.kind) {
      case 'bind':
        mountBind(root, mount)
        return
      case 'tmpfs':
        mountTmpfs(root, mount)
        return
      case 'secret':
        mountSecret(root, mount)
    }
  } catch (error) {
    throw asRuntimeError('MOUNT_UNUSABLE', `Cannot mount on "${mount.target}"`, error)
  }
}

/** Shows a text as a file that cannot be written; left out where the root is read-only and has no such file. */
export function mountText(root: StepRoot, target: string, text: string): void {
  bindFile(root, newFile(root, text, 0o644), target, true)
}

function mountBind(root: StepRoot, { source, subpath, target, readonly }: BindMount): void {
  const undo = createUndo()
  try {
    const fd = undo.addFd(openSource(root.home, source, undo))
    const chosen = subpath === undefined ? fd : undo.addFd(root.home.within(fd, () => openPath(join('/', subpath))))
    bindFd(root, chosen, target, readonly, root.nodev)
  } finally {
    undo.run()
  }
}

function openSource(home: LauncherHome, source: string | Mount, undo: ReturnType<typeof createUndo>): number {
  if (typeof source === 'string') return openPath(source)
  const place = mountRoot(source, home.sourcePlace)
  undo.add(() => openHost().umount2(place, MNT_DETACH))
  return openPath(place)
}

const tmpfsFlags = { nosuid: MS_NOSUID, nodev: MS_NODEV, noexec: MS_NOEXEC, ro: MS_RDONLY } as const
const defaultTmpfsMode = 0o1777

function mountTmpfs(root: StepRoot, { target, sizeBytes, mode = defaultTmpfsMode, options = [] }: TmpfsMount): void {
  root.home.within(root.fd, () => {
    const path = root.points.ensure(target, 'directory')
    const size = sizeBytes === undefined ? '' : `,size=${sizeBytes}`
    const flags = options.reduce((all, option) => all | tmpfsFlags[option], MS_NOSUID | (root.nodev ? MS_NODEV : 0))
    openHost().mount('tmpfs', path, 'tmpfs', flags, `mode=${mode.toString(8)}${size}`)
  })
}

function mountSecret(root: StepRoot, { target, data, mode, uid, gid }: SecretMount): void {
  const path = newFile(root, data, 0o600)
  const host = openHost()
  host.lchown(path, uid, gid)
  chmodSync(path, mode)
  bindPath(root, path, target, true)
  remountGuarded(root, target)
}

function remountGuarded(root: StepRoot, target: string): void {
  root.home.within(root.fd, () => {
    const flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    openHost().mount(null, root.points.ensure(target, 'file'), null, MS_REMOUNT | MS_BIND | MS_RDONLY | flags)
  })
}

let fileCount = 0

export function newFile({ home, undo }: StepRoot, content: string | Uint8Array, mode: number): string {
  const path = undo.addFile(join(home.filesPlace, String(++fileCount)))
  writeFileSync(path, content, { mode, flag: 'wx' })
  return path
}

/** Shows a file of the host; left out where the root is read-only and has no such file.
 * @throws {RuntimeError} `MOUNT_UNUSABLE` */
export function bindFile(root: StepRoot, path: string, target: string, readonly: boolean): void {
  try {
    bindPath(root, path, target, readonly)
  } catch (error) {
    if (!hasErrno(error, 'EROFS')) throw asRuntimeError('MOUNT_UNUSABLE', `Cannot mount on "${target}"`, error)
  }
}

function bindPath(root: StepRoot, source: string, target: string, readonly: boolean): void {
  const fd = openPath(source)
  try {
    bindFd(root, fd, target, readonly)
  } finally {
    closeSync(fd)
  }
}

/** Source and target are named by descriptors that were opened each in its own root, so neither can lead out of it. */
function bindFd(
  { home, fd, points }: StepRoot,
  source: number,
  target: string,
  readonly: boolean,
  nodev = false,
): void {
  const kind = isDirectoryFd(source) ? 'directory' : 'file'
  let path = ''
  const place = home.within(fd, () => {
    path = points.ensure(target, kind)
    return openPath(path)
  })
  try {
    openHost().mount(`/proc/thread-self/fd/${source}`, `/proc/thread-self/fd/${place}`, null, MS_BIND | MS_REC)
  } finally {
    closeSync(place)
  }
  if (!readonly && !nodev) return
  home.within(fd, () => {
    if (readonly) openHost().mountReadonly(path)
    if (nodev) openHost().mountNodev(path, readonly)
  })
}

function openPath(path: string): number {
  return openSync(path, O_PATH | O_CLOEXEC)
}
