import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { hasErrno, O_PATH } from '@tsbuild/host'
import { hasCode } from '@tsbuild/spec'
import { type BinaryPath, fsPath, showPath } from '../binary-path.js'
import { SnapshotError } from '../errors.js'
import { readNames } from './names.js'
import { type FileStat, toFileStat } from './stat.js'

/** An entry of a tree that others may be changing, held by a descriptor: whatever is put at its path, this stays what it was. */
export interface Pinned extends Disposable {
  /** Leads to the entry itself. Of a directory also for calls that do not follow links, and as the start of other paths; of a file
   * only for calls that do. */
  readonly path: BinaryPath
  readonly stat: FileStat
}

/** A directory.
 * @throws `ENOENT`, `ENOTDIR` (also for a link to one) */
export function pinDirectory(path: BinaryPath): Pinned {
  return pin(path, constants.O_DIRECTORY, '/.')
}

/** A regular file, the one that `expected` was found to be. Nothing is opened until it is known to be one, so no fifo blocks.
 * @throws `ENOENT`; {@link SnapshotError} `SNAPSHOT_CHANGED` where something else stands there by now */
export function pinFile(path: BinaryPath, expected: FileStat): Pinned {
  const pinned = pin(path, 0, '')
  if (pinned.stat.type === 'file' && pinned.stat.inode === expected.inode) return pinned
  pinned[Symbol.dispose]()
  throw new SnapshotError('SNAPSHOT_CHANGED', `Cannot read "${showPath(path)}": something else stands there by now`)
}

function pin(path: BinaryPath, flags: number, suffix: string): Pinned {
  const fd = openSync(fsPath(path), O_PATH | constants.O_NOFOLLOW | flags)
  const close = () => closeSync(fd)
  try {
    const stat = toFileStat(fstatSync(fd, { bigint: true }))
    return { path: `/proc/self/fd/${fd}${suffix}`, stat, [Symbol.dispose]: close }
  } catch (error) {
    close()
    throw error
  }
}

/** The names in a pinned directory; none where it was removed. */
export function readPinnedNames({ path }: Pinned): BinaryPath[] {
  try {
    return readNames(path)
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return []
    throw error
  }
}

const attempts = 10

/** Does `action`, which looks at one entry of a tree in use, again when the entry was replaced under its hands. One that never stands
 * still is left out. */
export function untilSteady(action: () => void): void {
  for (let left = attempts; left > 0; left--) {
    try {
      action()
      return
    } catch (error) {
      if (!hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP') && !hasCode(error, 'SNAPSHOT_CHANGED')) throw error
    }
  }
}
