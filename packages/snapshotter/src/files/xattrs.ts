import { hasErrno, openHost } from '@tsbuild/host'
import { type BinaryPath, fsPath, showPath } from '../binary-path.js'
import { SnapshotError } from '../errors.js'

/** Extended attributes by name, sorted by name. */
export type Xattrs = ReadonlyMap<string, Buffer>

const overlayPrefix = 'trusted.overlay.'
// belongs to the host's policy, not to the image; the kernel puts it onto every file
const hostOnly = new Set(['security.selinux'])

/** The attributes of `path` that belong to a layer: all but overlayfs's own and the host's security labels. */
export function readXattrs(path: BinaryPath): Xattrs {
  const host = openHost()
  const xattrs = new Map<string, Buffer>()
  for (const name of host.llistxattr(fsPath(path))) {
    if (name.startsWith(overlayPrefix) || hostOnly.has(name)) continue
    const value = host.lgetxattr(fsPath(path), name)
    if (value !== undefined) xattrs.set(name, value)
  }
  return xattrs
}

/** @throws {SnapshotError} `SNAPSHOT_UNSUPPORTED` where the file system or our privileges do not allow one */
export function writeXattrs(path: BinaryPath, xattrs: Xattrs): void {
  const host = openHost()
  for (const [name, value] of xattrs) {
    if (name.startsWith(overlayPrefix) || hostOnly.has(name)) continue
    try {
      host.lsetxattr(fsPath(path), name, value)
    } catch (cause) {
      if (!hasErrno(cause, 'EOPNOTSUPP', 'ENOTSUP', 'EPERM', 'ENOSPC', 'ERANGE', 'E2BIG', 'EINVAL')) throw cause
      const message = `Cannot set attribute ${name} of "${showPath(path)}": not allowed here`
      throw new SnapshotError('SNAPSHOT_UNSUPPORTED', message, { cause })
    }
  }
}

/** Takes overlayfs's own attributes off an entry of an upper directory. */
export function dropOverlayXattrs(path: BinaryPath): void {
  const host = openHost()
  for (const name of host.llistxattr(fsPath(path))) {
    if (name.startsWith(overlayPrefix)) host.lremovexattr(fsPath(path), name)
  }
}

export function sameXattrs(a: BinaryPath, b: BinaryPath): boolean {
  const left = readXattrs(a)
  const right = readXattrs(b)
  return left.size === right.size && [...left].every(([name, value]) => right.get(name)?.equals(value) === true)
}

const opaque = `${overlayPrefix}opaque`

/** Whether overlayfs shows nothing of lower layers in this directory. */
export function isOpaque(path: BinaryPath): boolean {
  return openHost().lgetxattr(fsPath(path), opaque)?.toString('latin1') === 'y'
}

export function markOpaque(path: BinaryPath): void {
  openHost().lsetxattr(fsPath(path), opaque, Buffer.from('y'))
}

export function makeWhiteout(path: BinaryPath): void {
  const characterDevice = 0o020000
  openHost().mknod(fsPath(path), characterDevice, 0, 0)
}
