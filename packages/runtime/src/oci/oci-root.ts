import { chmodSync, closeSync, mkdirSync, openSync, rmdirSync } from 'node:fs'
import { join, posix } from 'node:path'
import { MS_BIND, MS_REC, mountRoot, O_CLOEXEC, O_PATH, openHost } from '@tsbuild/host'
import type { ProcessMount, ProcessSpec } from '@tsbuild/spec'
import { asRuntimeError } from '../errors.js'
import { initMounts } from '../init-program.js'
import { createUndo, isDirectoryFd, type LauncherHome } from '../launcher-home.js'
import { mountExtra, newFile, type StepRoot } from '../step-binds.js'
import { mountNames } from '../step-names.js'
import { ensurePlain, openRoot } from '../step-root.js'
import type { OciMount } from './oci-config.js'

/** A root that is put together in the namespaces that the thread has entered, ready for an OCI program. */
export interface OciRoot {
  readonly step: StepRoot
  /** What the OCI program must mount itself. */
  readonly mounts: readonly OciMount[]
}

/** Mounts the root file system and what the step wants in it, in the step's own mount namespace: nothing of it outlives the step,
 * however that ends. The kernel's file systems are left to the OCI program, and so are mounts inside of those.
 * @throws {RuntimeError} `ROOT_UNUSABLE`, `MOUNT_UNUSABLE` */
export function buildOciRoot(home: LauncherHome, spec: ProcessSpec, nodev: boolean): OciRoot {
  const undo = createUndo()
  try {
    const step = openRoot(home, spec, undo, nodev)
    home.within(step.fd, () => {
      for (const path of ['/proc', '/sys', '/dev']) ensurePlain(path, step.points)
    })
    mountNames(step, spec)
    const mounts: OciMount[] = []
    for (const mount of [...(spec.mounts ?? []), ...initMounts(spec)]) {
      if (isKernelPath(mount.target)) mounts.push(prepareMount(step, mount))
      else mountExtra(step, mount)
    }
    return { step, mounts }
  } catch (error) {
    undo.run()
    throw error
  }
}

function isKernelPath(target: string): boolean {
  return /^\/(dev|proc|sys)(\/|$)/.test(posix.normalize(target))
}

function prepareMount(step: StepRoot, mount: ProcessMount): OciMount {
  const destination = posix.normalize(mount.target)
  try {
    switch (mount.kind) {
      case 'tmpfs': {
        return { destination, type: 'tmpfs', source: 'tmpfs', options: tmpfsOptions(step, mount) }
      }
      case 'bind':
        return bind(destination, bindPlace(step, mount), [...(mount.readonly ? ['ro'] : []), ...nodevOption(step)])
      case 'secret': {
        const path = newFile(step, mount.data, 0o600)
        openHost().lchown(path, mount.uid, mount.gid)
        chmodSync(path, mount.mode)
        return bind(destination, path, ['ro', 'nosuid', 'nodev', 'noexec'])
      }
    }
  } catch (error) {
    throw asRuntimeError('MOUNT_UNUSABLE', `Cannot mount on "${mount.target}"`, error)
  }
}

function tmpfsOptions(step: StepRoot, mount: Extract<ProcessMount, { kind: 'tmpfs' }>): string[] {
  const { sizeBytes, mode = 0o1777, options = [] } = mount
  const size = sizeBytes === undefined ? [] : [`size=${sizeBytes}`]
  return ['nosuid', ...nodevOption(step), ...options, `mode=${mode.toString(8)}`, ...size]
}

function nodevOption({ nodev }: StepRoot): string[] {
  return nodev ? ['nodev'] : []
}

function bind(destination: string, source: string, options: readonly string[]): OciMount {
  return { destination, type: 'bind', source, options: ['rbind', ...options] }
}

/** The source under a path of its own, which leads nowhere else whatever links the source has. */
function bindPlace(step: StepRoot, { source, subpath }: Extract<ProcessMount, { kind: 'bind' }>): string {
  const { home } = step
  const whole = typeof source === 'string' ? source : mountRoot(source, newDirectory(step))
  const local = createUndo()
  try {
    const fd = local.addFd(openSync(whole, O_PATH | O_CLOEXEC))
    const chosen = subpath === undefined ? fd : home.within(fd, () => openSync(join('/', subpath), O_PATH | O_CLOEXEC))
    if (chosen !== fd) local.add(() => closeSync(chosen))
    const place = isDirectoryFd(chosen) ? newDirectory(step) : newFile(step, '', 0o600)
    openHost().mount(`/proc/thread-self/fd/${chosen}`, place, null, MS_BIND | MS_REC)
    return place
  } finally {
    local.run()
  }
}

let directoryCount = 0

function newDirectory({ home, undo }: StepRoot): string {
  const path = join(home.filesPlace, `d${++directoryCount}`)
  mkdirSync(path)
  undo.add(() => rmdirSync(path))
  return path
}
