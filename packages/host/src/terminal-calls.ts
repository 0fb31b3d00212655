import { AT_FDCWD, O_CLOEXEC, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS } from './constants.js'
import { syscallError } from './errors.js'
import { cString, type Path, type Syscaller } from './syscaller.js'

/** ioctl of a child that makes descriptor `args[0]` its controlling terminal; it must be the leader of a new session. */
export const TIOCSCTTY = 0x540e

const TIOCSPTLCK = 0x40045431
const TIOCGPTN = 0x80045430
const TIOCGPTPEER = 0x5441
const TIOCSWINSZ = 0x5414
const F_DUPFD_CLOEXEC = 1030
const O_RDWR = 2
const O_NOCTTY = 0o400
const O_NONBLOCK = 0o4000
const EAGAIN = 11

/** Both ends of a terminal; the master does not block. */
export interface PseudoTerminal {
  readonly master: number
  readonly slave: number
  /** Its name in its devpts file system. */
  readonly index: number
}

/** Terminals, and reading and writing without waiting. All throw {HostError} `SYSCALL_FAILED`. */
export interface TerminalCalls {
  /** Opens a new pseudo-terminal. The slave is got from the master, not by its path. Linux 4.13.
   * @param multiplexer `/dev/pts/ptmx` of a devpts mount; links are not followed */
  openTerminal(multiplexer: Path): PseudoTerminal
  setTerminalSize(fd: number, columns: number, rows: number): void
  /** The same open file under another number. */
  duplicate(fd: number): number
  /** How many bytes were read from a descriptor that does not block, 0 at its end; `undefined` where there are none now. */
  readNow(fd: number, into: Uint8Array): number | undefined
  /** How many bytes a descriptor that does not block has taken; 0 where it takes none now. */
  writeNow(fd: number, bytes: Uint8Array): number
}

export function terminalCalls({ raw, call }: Syscaller): TerminalCalls {
  const openMultiplexer = (path: Path) => {
    const how = Buffer.alloc(24)
    how.writeBigUInt64LE(BigInt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC), 0)
    how.writeBigUInt64LE(BigInt(RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS), 16)
    return call('openat2', 'open', path, AT_FDCWD, cString(path), how, how.length)
  }
  return {
    openTerminal(multiplexer) {
      const master = openMultiplexer(multiplexer)
      try {
        call('ioctl', 'unlock the terminal of', multiplexer, master, TIOCSPTLCK, Buffer.alloc(4))
        const number = Buffer.alloc(4)
        call('ioctl', 'number the terminal of', multiplexer, master, TIOCGPTN, number)
        const flags = O_RDWR | O_NOCTTY | O_CLOEXEC
        const slave = call('ioctl', 'open the terminal of', multiplexer, master, TIOCGPTPEER, flags)
        return { master, slave, index: number.readUInt32LE(0) }
      } catch (error) {
        raw('close', master)
        throw error
      }
    },
    setTerminalSize(fd, columns, rows) {
      const size = Buffer.alloc(8)
      size.writeUInt16LE(Math.min(rows, 0xffff), 0)
      size.writeUInt16LE(Math.min(columns, 0xffff), 2)
      call('ioctl', 'resize the terminal', `fd ${fd}`, fd, TIOCSWINSZ, size)
    },
    duplicate: (fd) => call('fcntl', 'duplicate the descriptor', String(fd), fd, F_DUPFD_CLOEXEC, 0),
    readNow(fd, into) {
      const result = raw('read', fd, into, into.length)
      if (result >= 0) return result
      if (result === -EAGAIN) return undefined
      throw syscallError('read', -result, 'read from', `fd ${fd}`)
    },
    writeNow(fd, bytes) {
      if (bytes.length === 0) return 0
      const result = raw('write', fd, bytes, bytes.length)
      if (result >= 0) return result
      if (result === -EAGAIN) return 0
      throw syscallError('write', -result, 'write to', `fd ${fd}`)
    },
  }
}
