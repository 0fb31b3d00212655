import { readdirSync, readlinkSync } from 'node:fs'
import { type BinaryPath, fsPath } from '../binary-path.js'

/** The names in a directory, in the order of their bytes. */
export function readNames(directory: BinaryPath): BinaryPath[] {
  const names = readdirSync(fsPath(directory), { encoding: 'latin1' })
  return names.sort()
}

export function readTarget(link: BinaryPath): BinaryPath {
  return readlinkSync(fsPath(link), { encoding: 'latin1' })
}
