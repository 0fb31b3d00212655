import { chmodSync, mkdirSync } from 'node:fs'
import { CoreError } from '../errors.js'
import { type BinaryPath, joinPath, showPath } from './binary-path.js'
import { isDirectory } from './file-types.js'
import { resolvePath } from './resolve-path.js'
import { at, setOwner, setTime, target } from './target-tree.js'
import type { Owner } from './users.js'

export interface DirectoryAttributes {
  readonly mode: number
  readonly owner: Owner
  /** `undefined`: now. */
  readonly mtimeNs: bigint | undefined
}

/** Makes a directory and its missing parents in the root of this thread. Links are followed, also to what is not there yet.
 * What exists keeps its attributes.
 * @returns what was made, parents first; their times need {@link fixTimes} once they are filled
 * @throws {CoreError} `COPY_INVALID` where something else is in the way */
export function makeDirectories(path: BinaryPath, attributes: DirectoryAttributes): BinaryPath[] {
  const made: BinaryPath[] = []
  let done: BinaryPath = ''
  for (const part of resolvePath(target, path).split('/')) {
    if (part === '') continue
    done = joinPath(done, part)
    const stat = target.lstat(done)
    if (stat !== undefined && !isDirectory(stat.mode)) {
      throw new CoreError('COPY_INVALID', `Cannot make directory "${showPath(done)}": not a directory`)
    }
    if (stat !== undefined) continue
    mkdirSync(at(done), 0o755)
    setOwner(done, attributes.owner)
    chmodSync(at(done), attributes.mode)
    made.push(done)
  }
  fixTimes(made, attributes.mtimeNs)
  return made
}

/** Gives directories the time that they were to have, since what was made in them changed it. */
export function fixTimes(paths: readonly BinaryPath[], mtimeNs: bigint | undefined): void {
  if (mtimeNs === undefined) return
  for (const path of paths.toReversed()) setTime(path, mtimeNs)
}
