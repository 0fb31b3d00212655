import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, LOCK_NB, O_CLOEXEC } from './constants.js'
import { syscallError } from './errors.js'
import { cString, type Path, type Syscaller } from './syscaller.js'

export interface OpenHow {
  readonly flags: number
  readonly mode?: number
  /** `RESOLVE_*` bits. */
  readonly resolve?: number
}

/** What Node's `fs` lacks. Paths may be bytes; links are never followed unless said. All throw {HostError} `SYSCALL_FAILED`. */
export interface FileCalls {
  /** @param mode type and permission bits, e.g. `S_IFCHR | 0o666`; the umask applies */
  mknod(path: Path, mode: number, major?: number, minor?: number): void
  /** The value byte for byte; `undefined` where there is no such attribute or the file system knows none. */
  lgetxattr(path: Path, name: string): Buffer | undefined
  lsetxattr(path: Path, name: string, value: Uint8Array): void
  /** Names, sorted; empty where the file system knows none. */
  llistxattr(path: Path): string[]
  lremovexattr(path: Path, name: string): void
  /** Times in nanoseconds since the epoch, negative ones too; `undefined` leaves a time as it is.
   * @param follow whether a link's target is meant; default no */
  utimens(path: Path, atimeNs: bigint | undefined, mtimeNs: bigint | undefined, follow?: boolean): void
  /** Ids up to 2^32-2. */
  lchown(path: Path, uid: number, gid: number): void
  fchown(fd: number, uid: number, gid: number): void
  /** Whether the lock was taken; `false` only with `LOCK_NB`. */
  flock(fd: number, operation: number): boolean
  /** Writes back the whole file system that `fd` is on. Slow: for worker threads. */
  syncfs(fd: number): void
  /** Opens below a directory; `O_CLOEXEC` is always added. Linux 5.6. */
  openat2(directory: number, path: Path, how: OpenHow): number
  renameat2(from: Path, to: Path, flags: number): void
  /** A pipe, close-on-exec. */
  pipe2(flags?: number): [read: number, write: number]
  /** Copies within the kernel, sharing blocks where the file system can; the bytes copied, 0 at the end. */
  copyFileRange(from: number, to: number, length: number): number
}

const noAttribute = new Set([61 /* ENODATA */, 95 /* EOPNOTSUPP */])
const maxAttributeBytes = 65_536

export function fileCalls(syscalls: Syscaller): FileCalls {
  return { ...attributeCalls(syscalls), ...nodeCalls(syscalls), ...descriptorCalls(syscalls) }
}

function attributeCalls({ raw, call }: Syscaller) {
  let scratch: Buffer | undefined
  const space = () => {
    scratch ??= Buffer.alloc(maxAttributeBytes)
    return scratch
  }
  return {
    lgetxattr(path: Path, name: string) {
      const size = raw('lgetxattr', cString(path), cString(name), space(), maxAttributeBytes)
      if (size >= 0) return Buffer.from(space().subarray(0, size))
      if (noAttribute.has(-size)) return undefined
      throw syscallError('lgetxattr', -size, `read attribute ${name} of`, path)
    },
    lsetxattr(path: Path, name: string, value: Uint8Array) {
      const bytes = value.length === 0 ? null : value
      call('lsetxattr', `set attribute ${name} of`, path, cString(path), cString(name), bytes, value.length, 0)
    },
    llistxattr(path: Path) {
      const size = raw('llistxattr', cString(path), space(), maxAttributeBytes)
      if (size === 0 || noAttribute.has(-size)) return []
      if (size < 0) throw syscallError('llistxattr', -size, 'list the attributes of', path)
      return space()
        .toString('utf8', 0, size - 1)
        .split('\0')
        .sort()
    },
    lremovexattr(path: Path, name: string) {
      call('lremovexattr', `remove attribute ${name} of`, path, cString(path), cString(name))
    },
  }
}

function nodeCalls({ call }: Syscaller) {
  return {
    mknod(path: Path, mode: number, major = 0, minor = 0) {
      call('mknodat', 'make the node', path, AT_FDCWD, cString(path), mode, deviceNumber(major, minor))
    },
    utimens(path: Path, atimeNs: bigint | undefined, mtimeNs: bigint | undefined, follow = false) {
      const times = Buffer.alloc(32)
      writeTimespec(times, 0, atimeNs)
      writeTimespec(times, 16, mtimeNs)
      call('utimensat', 'set the times of', path, AT_FDCWD, cString(path), times, follow ? 0 : AT_SYMLINK_NOFOLLOW)
    },
    lchown(path: Path, uid: number, gid: number) {
      call('fchownat', 'change the owner of', path, AT_FDCWD, cString(path), uid, gid, AT_SYMLINK_NOFOLLOW)
    },
    renameat2(from: Path, to: Path, flags: number) {
      call('renameat2', 'rename', from, AT_FDCWD, cString(from), AT_FDCWD, cString(to), flags)
    },
  }
}

function descriptorCalls({ raw, call }: Syscaller) {
  return {
    fchown(fd: number, uid: number, gid: number) {
      call('fchown', 'change the owner of', `fd ${fd}`, fd, uid, gid)
    },
    flock(fd: number, operation: number) {
      const result = raw('flock', fd, operation)
      if (result >= 0) return true
      if (result === -11 /* EWOULDBLOCK */ && operation & LOCK_NB) return false
      throw syscallError('flock', -result, 'lock', `fd ${fd}`)
    },
    syncfs(fd: number) {
      call('syncfs', 'sync the file system of', `fd ${fd}`, fd)
    },
    openat2(directory: number, path: Path, { flags, mode = 0, resolve = 0 }: OpenHow) {
      const how = Buffer.alloc(24)
      how.writeBigUInt64LE(BigInt(flags | O_CLOEXEC), 0)
      how.writeBigUInt64LE(BigInt(mode), 8)
      how.writeBigUInt64LE(BigInt(resolve), 16)
      return call('openat2', 'open', path, directory, cString(path), how, how.length)
    },
    pipe2(flags = 0): [number, number] {
      const fds = Buffer.alloc(8)
      call('pipe2', 'make a pipe', undefined, fds, flags | O_CLOEXEC)
      return [fds.readInt32LE(0), fds.readInt32LE(4)]
    },
    copyFileRange(from: number, to: number, length: number) {
      return call('copy_file_range', 'copy from', `fd ${from}`, from, null, to, null, length, 0)
    },
  }
}

/** A device number as the kernel's system calls take it. */
function deviceNumber(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0
}

const UTIME_OMIT = 0x3ffffffen

function writeTimespec(target: Buffer, offset: number, ns: bigint | undefined): void {
  const rest = ns === undefined ? UTIME_OMIT : ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
  const seconds = ns === undefined ? 0n : (ns - rest) / 1_000_000_000n
  target.writeBigInt64LE(seconds, offset)
  target.writeBigInt64LE(rest, offset + 8)
}
