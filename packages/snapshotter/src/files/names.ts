import { readdirSync, readlinkSync } from 'node:fs'
import { hasErrno } from '@tsbuild/host'
import { type BinaryPath, fsPath, showPath } from '../binary-path.js'
import { SnapshotError } from '../errors.js'

/** The names in a directory, in the order of their bytes. */
export function readNames(directory: BinaryPath): BinaryPath[] {
  const names = readdirSync(fsPath(directory), { encoding: 'latin1' })
  return names.sort()
}

/** @throws {SnapshotError} `SNAPSHOT_CHANGED` for what is no link (any more) */
export function readTarget(link: BinaryPath): BinaryPath {
  try {
    return readlinkSync(fsPath(link), { encoding: 'latin1' })
  } catch (cause) {
    if (!hasErrno(cause, 'EINVAL')) throw cause
    throw new SnapshotError('SNAPSHOT_CHANGED', `Cannot read link "${showPath(link)}": it is none`, { cause })
  }
}
