import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { hasErrno, openHost } from '@tsbuild/host'
import { faultPoint } from '@tsbuild/spec'
import { type BinaryPath, parentPath, showPath } from './binary-path.js'
import type { Chmod } from './chmod.js'
import { fileType, isDirectory, modeMask, typeMask } from './file-types.js'
import type { FileStat } from './source-tree.js'
import { at, inTheWay, setOwner, setTime, target } from './target-tree.js'
import type { Owner } from './users.js'
import type { Xattrs } from './xattrs.js'

export interface WriteRules {
  /** `undefined`: each path keeps its owner. */
  readonly owner: Owner | undefined
  readonly chmod: Chmod | undefined
  /** `undefined`: each path keeps its time. */
  readonly mtimeNs: bigint | undefined
}

interface OpenDirectory {
  readonly created: boolean
  readonly setgid: boolean
}

/** Writes one copied path after the other into the root of this thread, as BuildKit does: what is in the way of a file is replaced
 * unless it is a directory; a directory is merged, and below the top takes over the copied one's attributes. */
export class TreeWriter {
  private readonly rules: WriteRules
  private readonly umask = process.umask()
  private readonly isRoot = process.geteuid?.() === 0 && process.getegid?.() === 0
  private readonly directories = new Map<BinaryPath, OpenDirectory>()

  constructor(rules: WriteRules) {
    this.rules = rules
  }

  /** @param top whether it is the destination itself, which keeps what it is */
  enterDirectory(path: BinaryPath, { mode }: FileStat, top: boolean): void {
    const bits = mode & modeMask
    const there = target.lstat(path)
    if (there !== undefined && !isDirectory(there.mode))
      throw inTheWay(`cannot copy to non-directory: ${showPath(path)}`)
    if (there === undefined) mkdirSync(at(path), bits & 0o777)
    else if (!top) chmodSync(at(path), bits)
    const setgid = ((target.lstat(path)?.mode ?? 0) & 0o2000) !== 0
    this.directories.set(path, { created: there === undefined, setgid })
  }

  /** @param implied whether it was made for what is in it only */
  leaveDirectory(
    path: BinaryPath,
    stat: FileStat,
    xattrs: Xattrs,
    { top, implied }: { top: boolean; implied: boolean },
  ): void {
    const created = this.directories.get(path)?.created ?? false
    this.directories.delete(path)
    if (created || (!top && !implied)) {
      const mode = this.mode(stat)
      setOwner(path, this.owner(stat))
      chmodSync(at(path), mode)
      this.setXattrs(path, xattrs)
    } else if (implied) {
      return
    }
    setTime(path, this.rules.mtimeNs ?? stat.stats.mtimeNs)
  }

  /** A file whose bytes `write` puts into the descriptor. */
  file(path: BinaryPath, stat: FileStat, xattrs: Xattrs, write: (fd: number) => void): void {
    const mode = this.mode(stat)
    const fd = this.create(path, () =>
      openSync(
        at(path),
        constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
        mode & 0o777,
      ),
    )
    try {
      write(fd)
      const owned = this.needsOwner(path, stat)
      if (owned) {
        const { uid, gid } = this.owner(stat)
        openHost().fchown(fd, uid, gid)
      }
      if (owned || (mode & (this.umask | 0o7000)) !== 0) fchmodSync(fd, mode)
    } finally {
      closeSync(fd)
    }
    this.setXattrs(path, xattrs)
    setTime(path, this.rules.mtimeNs ?? stat.stats.mtimeNs)
  }

  link(path: BinaryPath, existing: BinaryPath): void {
    this.create(path, () => linkSync(at(existing), at(path)))
  }

  symlink(path: BinaryPath, stat: FileStat, to: BinaryPath, xattrs: Xattrs): void {
    this.create(path, () => symlinkSync(Buffer.from(to, 'latin1'), at(path)))
    this.finishNode(path, stat, xattrs)
  }

  /** A device or fifo. */
  node(path: BinaryPath, stat: FileStat, xattrs: Xattrs): void {
    const { rdev } = stat.stats
    const isDevice = fileType(stat.mode) !== 'fifo'
    const major = isDevice ? Number((rdev >> 8n) & 0xfffn) : 0
    const minor = isDevice ? Number((rdev & 0xffn) | ((rdev >> 12n) & 0xfff00n)) : 0
    const mode = this.mode(stat)
    this.create(path, () => openHost().mknod(at(path), (stat.mode & typeMask) | (mode & 0o777), major, minor))
    setOwner(path, this.owner(stat))
    chmodSync(at(path), mode)
    this.setXattrs(path, xattrs)
    setTime(path, this.rules.mtimeNs ?? stat.stats.mtimeNs)
  }

  private finishNode(path: BinaryPath, stat: FileStat, xattrs: Xattrs): void {
    if (this.needsOwner(path, stat)) setOwner(path, this.owner(stat))
    this.setXattrs(path, xattrs)
    setTime(path, this.rules.mtimeNs ?? stat.stats.mtimeNs)
  }

  /** Runs `make`, once more after removing what is in the way. */
  private create<T>(path: BinaryPath, make: () => T): T {
    try {
      return make()
    } catch (error) {
      if (!hasErrno(error, 'EEXIST', 'ELOOP')) throw error
    }
    const there = target.lstat(path)
    if (there !== undefined && isDirectory(there.mode)) {
      throw inTheWay(`cannot replace to directory ${showPath(path)} with file`)
    }
    unlinkSync(at(path))
    return make()
  }

  private owner({ stats }: FileStat): Owner {
    return this.rules.owner ?? { uid: Number(stats.uid), gid: Number(stats.gid) }
  }

  /** New files belong to this process, except in setgid directories. */
  private needsOwner(path: BinaryPath, stat: FileStat): boolean {
    const { uid, gid } = this.owner(stat)
    if (!this.isRoot || uid !== 0 || gid !== 0) return true
    return this.directories.get(parentPath(path))?.setgid ?? true
  }

  private mode({ mode }: FileStat): number {
    return this.rules.chmod?.apply(mode) ?? mode & modeMask
  }

  private setXattrs(path: BinaryPath, xattrs: Xattrs): void {
    for (const [name, value] of xattrs) {
      try {
        openHost().lsetxattr(at(path), name, value)
      } catch (error) {
        // A file system without such attributes is no reason to fail, says BuildKit, too.
        if (!hasErrno(error, 'EOPNOTSUPP', 'ENOTSUP', 'EPERM')) throw error
      }
    }
  }
}

/** Writes all of `data`. */
export function writeAll(fd: number, data: Uint8Array): void {
  faultPoint('copy.write')
  for (let done = 0; done < data.length; ) done += writeSync(fd, data, done)
}
