import { type BigIntStats, lstatSync } from 'node:fs'
import { type BinaryPath, fsPath } from '../binary-path.js'

/** `whiteout` is overlayfs's mark for "not here any more": a character device 0:0. */
export type FileType =
  | 'file'
  | 'directory'
  | 'symlink'
  | 'character-device'
  | 'block-device'
  | 'fifo'
  | 'socket'
  | 'whiteout'

export interface FileStat {
  readonly type: FileType
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
  readonly inode: bigint
  readonly links: number
  readonly deviceMajor: number
  readonly deviceMinor: number
}

const types: Record<number, FileType> = {
  8: 'file',
  4: 'directory',
  10: 'symlink',
  2: 'character-device',
  6: 'block-device',
  1: 'fifo',
  12: 'socket',
}

/** What stands at `path`, links not followed; `undefined` for nothing (also where a parent is not a directory). */
export function statFile(path: BinaryPath): FileStat | undefined {
  try {
    const stat = lstatSync(fsPath(path), { bigint: true, throwIfNoEntry: false })
    return stat === undefined ? undefined : toFileStat(stat)
  } catch (err) {
    if (err instanceof Error && 'code' in err && err.code === 'ENOTDIR') return undefined
    throw err
  }
}

export function toFileStat(stat: BigIntStats): FileStat {
  const bits = Number(stat.mode)
  const type = types[bits >> 12] ?? 'file'
  const device = type === 'character-device' || type === 'block-device'
  return {
    type: type === 'character-device' && stat.rdev === 0n ? 'whiteout' : type,
    mode: bits & 0o7777,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    size: Number(stat.size),
    mtimeNs: stat.mtimeNs,
    ctimeNs: stat.ctimeNs,
    inode: stat.ino,
    links: Number(stat.nlink),
    deviceMajor: device ? major(stat.rdev) : 0,
    deviceMinor: device ? minor(stat.rdev) : 0,
  }
}

// glibc's encoding of a device number
const major = (rdev: bigint) => Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n))
const minor = (rdev: bigint) => Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n))
