import { closeSync, lstatSync, mkdirSync, openSync } from 'node:fs'
import {
  MNT_DETACH,
  MS_BIND,
  MS_NODEV,
  MS_RDONLY,
  MS_REC,
  MS_REMOUNT,
  mountRoot,
  O_CLOEXEC,
  O_PATH,
  openHost,
} from '@tsbuild/host'
import type { ProcessSpec } from '@tsbuild/spec'
import { asRuntimeError, RuntimeError } from './errors.js'
import { initMounts } from './init-program.js'
import { createUndo, type LauncherHome } from './launcher-home.js'
import { createMountPoints } from './mount-points.js'
import { mountExtra, type StepRoot } from './step-binds.js'
import { mountDevices, openDevDirectory } from './step-devices.js'
import type { KernelFiles } from './step-kernel-files.js'
import { mountNames } from './step-names.js'

/** Puts the root file system of a step together and makes it the thread's root, in the namespaces that the thread has just entered.
 * The undo list of the result removes, after the step and at the host's root, whatever was made for it.
 * @throws {RuntimeError} `ROOT_UNUSABLE`, `MOUNT_UNUSABLE` */
export function buildRoot(home: LauncherHome, kernel: KernelFiles, spec: ProcessSpec): StepRoot {
  const undo = createUndo()
  let root: StepRoot | undefined
  try {
    root = openRoot(home, spec, undo, spec.security !== 'insecure')
    mountKernelFiles(root, kernel, spec)
    mountNames(root, spec)
    for (const mount of [...(spec.mounts ?? []), ...initMounts(spec)]) mountExtra(root, mount)
    pivot(spec.sandbox?.readonlyRoot ? sealRoot(root, spec.cwd) : root.fd)
    return root
  } catch (error) {
    if (root !== undefined) uncover(root)
    try {
      undo.run()
    } catch {
      // What went wrong first is what helps.
    }
    throw error
  }
}

/** Takes away what is mounted on the mount points that were made, or they could not be removed. */
function uncover({ home, fd, points }: StepRoot): void {
  for (const path of points.made().reverse()) {
    try {
      home.within(fd, () => openHost().umount2(path, MNT_DETACH))
    } catch {
      // Nothing was mounted there yet.
    }
  }
}

/** @param nodev device nodes of the image, and such as the step makes, can't be opened */
export function openRoot(home: LauncherHome, spec: ProcessSpec, undo: StepRoot['undo'], nodev: boolean): StepRoot {
  const points = createMountPoints()
  try {
    const place = mountRoot(spec.root, home.rootPlace)
    if (nodev) openHost().mountNodev(place, spec.root.kind === 'bind' && spec.root.readonly)
    const fd = undo.addFd(openSync(place, O_PATH | O_CLOEXEC))
    undo.add(() => home.within(fd, () => points.remove()))
    return { home, fd, points, nodev, undo }
  } catch (error) {
    throw asRuntimeError('ROOT_UNUSABLE', 'Cannot mount the root file system', error)
  }
}

function mountKernelFiles({ home, fd, points }: StepRoot, kernel: KernelFiles, spec: ProcessSpec): void {
  home.within(fd, () => {
    for (const path of ['/proc', '/sys', '/dev']) ensurePlain(path, points)
  })
  try {
    const dev = home.within(fd, openDevDirectory)
    try {
      mountDevices({ workPlace: home.sourcePlace, nodesPlace: home.devicesPlace }, dev, spec)
    } finally {
      closeSync(dev)
    }
    home.within(fd, () => kernel.mountSys(spec.security ?? 'sandbox'))
  } catch (error) {
    throw asRuntimeError('ROOT_UNUSABLE', 'Cannot mount the devices of the step', error)
  }
}

/** A link here would lead what is mounted for the kernel to another place of the image. */
export function ensurePlain(path: string, points: StepRoot['points']): void {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat && !stat.isDirectory()) {
    throw new RuntimeError(
      'ROOT_UNUSABLE',
      `Cannot mount on "${path}": the image has something else than a directory there`,
    )
  }
  try {
    points.ensure(path, 'directory')
  } catch (error) {
    throw asRuntimeError('ROOT_UNUSABLE', `Cannot make the mount point "${path}"`, error)
  }
}

/** A read-only view of the root with all that is mounted in it; through `root.fd` it can still be cleaned up. The working directory is
 * made first. */
function sealRoot({ home, fd, nodev, undo }: StepRoot, cwd: string): number {
  home.within(fd, () => makeWorkingDirectory(cwd))
  const host = openHost()
  const place = home.sourcePlace
  try {
    host.mount(`/proc/thread-self/fd/${fd}`, place, null, MS_BIND | MS_REC)
    host.mount(null, place, null, MS_REMOUNT | MS_BIND | MS_RDONLY | (nodev ? MS_NODEV : 0))
    return undo.addFd(openSync(place, O_PATH | O_CLOEXEC))
  } catch (error) {
    throw asRuntimeError('ROOT_UNUSABLE', 'Cannot make the root file system read-only', error)
  }
}

function pivot(fd: number): void {
  const host = openHost()
  host.fchdir(fd)
  try {
    host.pivotRoot('.', '.')
  } catch (error) {
    throw new RuntimeError(
      'RUNTIME_UNAVAILABLE',
      'Cannot leave the root file system of the host: pivot_root is refused',
      {
        cause: error,
        hint: 'The root of this machine is a RAM disk or a chroot; use an OCI runtime there',
      },
    )
  }
  host.umount2('.', MNT_DETACH)
  host.chdir('/')
}

/** The working directory, made where it is missing; the thread is in it afterwards.
 * @throws {RuntimeError} `ROOT_UNUSABLE` */
export function enterWorkingDirectory(cwd: string): void {
  makeWorkingDirectory(cwd)
  try {
    openHost().chdir(cwd)
  } catch (error) {
    throw asRuntimeError('ROOT_UNUSABLE', `Cannot enter the working directory "${cwd}"`, error)
  }
}

function makeWorkingDirectory(cwd: string): void {
  try {
    mkdirSync(cwd, { recursive: true, mode: 0o755 })
  } catch (error) {
    throw asRuntimeError('ROOT_UNUSABLE', `Cannot make the working directory "${cwd}"`, error)
  }
}
