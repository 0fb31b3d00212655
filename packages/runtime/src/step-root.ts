import { lstatSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { hasErrno, MNT_DETACH, mountRoot, O_CLOEXEC, O_PATH, openHost } from '@tsbuild/host'
import type { ProcessSpec } from '@tsbuild/spec'
import { asRuntimeError, RuntimeError } from './errors.js'
import { createUndo, type LauncherHome } from './launcher-home.js'
import { createMountPoints } from './mount-points.js'
import { mountExtra, mountText, type StepRoot } from './step-binds.js'
import { mountDevices } from './step-devices.js'
import type { KernelFiles } from './step-kernel-files.js'

/** BuildKit's, so that programs that write it down write the same. */
export const defaultHostname = 'buildkitsandbox'

/** Puts the root file system of a step together and makes it the thread's root, in the namespaces that the thread has just entered.
 * The undo list of the result removes, after the step and at the host's root, whatever was made for it.
 * @throws {RuntimeError} `ROOT_UNUSABLE`, `MOUNT_UNUSABLE` */
export function buildRoot(home: LauncherHome, kernel: KernelFiles, spec: ProcessSpec): StepRoot {
  const undo = createUndo()
  try {
    const root = openRoot(home, spec, undo)
    mountKernelFiles(root, kernel, spec)
    mountText(root, '/etc/resolv.conf', resolverConfig())
    mountText(root, '/etc/hosts', hostsFile(spec))
    for (const mount of spec.mounts ?? []) mountExtra(root, mount)
    pivot(root)
    return root
  } catch (error) {
    undo.run()
    throw error
  }
}

export function openRoot(home: LauncherHome, spec: ProcessSpec, undo: StepRoot['undo']): StepRoot {
  const points = createMountPoints()
  try {
    const place = mountRoot(spec.root, home.rootPlace)
    const fd = undo.addFd(openSync(place, O_PATH | O_CLOEXEC))
    undo.add(() => home.within(fd, () => points.remove()))
    return { home, fd, points, undo }
  } catch (error) {
    throw asRuntimeError('ROOT_UNUSABLE', 'Cannot mount the root file system', error)
  }
}

function mountKernelFiles({ home, fd, points }: StepRoot, kernel: KernelFiles, spec: ProcessSpec): void {
  home.within(fd, () => {
    for (const path of ['/proc', '/sys', '/dev']) ensurePlain(path, points)
    try {
      mountDevices(spec.shmSizeBytes)
      kernel.mountSys(spec.security ?? 'sandbox')
    } catch (error) {
      throw asRuntimeError('ROOT_UNUSABLE', 'Cannot mount the devices of the step', error)
    }
  })
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

function pivot({ fd }: StepRoot): void {
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

export function resolverConfig(): string {
  try {
    return readFileSync('/etc/resolv.conf', 'utf8')
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return ''
    throw error
  }
}

export function hostsFile({ hostname = defaultHostname, extraHosts = [] }: ProcessSpec): string {
  const lines = [`127.0.0.1\tlocalhost ${hostname}`, '::1\tlocalhost ip6-localhost ip6-loopback']
  return [...lines, ...extraHosts.map(([name, address]) => `${address}\t${name}`), ''].join('\n')
}

/** The working directory, made where it is missing; the thread is in it afterwards.
 * @throws {RuntimeError} `ROOT_UNUSABLE` */
export function enterWorkingDirectory(cwd: string): void {
  try {
    mkdirSync(cwd, { recursive: true, mode: 0o755 })
    openHost().chdir(cwd)
  } catch (error) {
    throw asRuntimeError('ROOT_UNUSABLE', `Cannot enter the working directory "${cwd}"`, error)
  }
}
