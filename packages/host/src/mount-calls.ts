import { AT_FDCWD, MS_BIND, MS_NODEV, MS_RDONLY, MS_REMOUNT } from './constants.js'
import { cString, type Path, type Syscaller } from './syscaller.js'

/** Mounts, namespaces and roots, of the calling thread. All throw {HostError} `SYSCALL_FAILED`. */
export interface MountCalls {
  /** mount(2); `data` is the file system's own option text. */
  mount(source: Path | null, target: Path, type: string | null, flags: number, data?: string | null): void
  umount2(target: Path, flags: number): void
  /** Makes a mount read-only, and those below it where the kernel can (Linux 5.12). */
  mountReadonly(target: Path): void
  /** Makes the device nodes on a mount useless, and on those below it where the kernel can (Linux 5.12).
   * @param readonly whether it is read-only, and has to stay so on older kernels */
  mountNodev(target: Path, readonly: boolean): void
  unshare(flags: number): void
  /** @param type a `CLONE_NEW*`, or 0 for whatever `fd` is */
  setns(fd: number, type: number): void
  pivotRoot(newRoot: Path, putOld: Path): void
  chroot(path: Path): void
  /** Of the thread, if it has an fs struct of its own; Node keeps another idea of it, so use absolute paths with `fs`. */
  chdir(path: Path): void
  fchdir(fd: number): void
  sethostname(name: string): void
}

const AT_RECURSIVE = 0x8000
/** `MOUNT_ATTR_*` (linux/mount.h). */
const mountAttributes = { readonly: 1n, nodev: 4n }

export function mountCalls({ call, raw }: Syscaller): MountCalls {
  const text = (value: Path | null | undefined) => (value === null || value === undefined ? null : cString(value))
  const restrict = (target: Path, attribute: bigint) => {
    const attributes = Buffer.alloc(32)
    attributes.writeBigUInt64LE(attribute, 0)
    return raw('mount_setattr', AT_FDCWD, cString(target), AT_RECURSIVE, attributes, attributes.length) === 0
  }
  return {
    mount(source, target, type, flags, data) {
      call('mount', 'mount', target, text(source), cString(target), text(type), flags, text(data))
    },
    umount2(target, flags) {
      call('umount2', 'unmount', target, cString(target), flags)
    },
    mountReadonly(target) {
      if (restrict(target, mountAttributes.readonly)) return
      const remount = MS_REMOUNT | MS_BIND | MS_RDONLY
      call('mount', 'make read-only', target, null, cString(target), null, remount, null)
    },
    mountNodev(target, readonly) {
      if (restrict(target, mountAttributes.nodev)) return
      const remount = MS_REMOUNT | MS_BIND | MS_NODEV | (readonly ? MS_RDONLY : 0)
      call('mount', 'take the devices from', target, null, cString(target), null, remount, null)
    },
    unshare(flags) {
      call('unshare', 'leave the namespaces', `0x${flags.toString(16)}`, flags)
    },
    setns(fd, type) {
      call('setns', 'enter the namespace', `fd ${fd}`, fd, type)
    },
    pivotRoot(newRoot, putOld) {
      call('pivot_root', 'change the root to', newRoot, cString(newRoot), cString(putOld))
    },
    chroot(path) {
      call('chroot', 'change the root to', path, cString(path))
    },
    chdir(path) {
      call('chdir', 'change the directory to', path, cString(path))
    },
    fchdir(fd) {
      call('fchdir', 'change the directory to', `fd ${fd}`, fd)
    },
    sethostname(name) {
      const bytes = Buffer.from(name)
      call('sethostname', 'set the host name', name, bytes, bytes.length)
    },
  }
}
