import { renameSync, rmdirSync, unlinkSync } from 'node:fs'
import { hasErrno } from '@tsbuild/host'
import { faultPoint } from '@tsbuild/spec'
import { type BinaryPath, fsPath, joinPath } from '../binary-path.js'
import { readNames } from './names.js'
import { statFile } from './stat.js'

/** Well below the 4096 bytes that the kernel takes, with room for one more name. */
const longPath = 3500

/** Removes what stands at `path`, directories with all in them, links not followed; nothing happens where there is nothing. */
export function removeTree(path: BinaryPath): void {
  let serial = 0
  remove(path)

  function remove(at: BinaryPath): void {
    const stat = statFile(at)
    if (stat?.type === 'directory') tolerant(() => removeDirectory(at.length > longPath ? moveUp(at) : at))
    else if (stat !== undefined) tolerant(() => unlinkSync(fsPath(at)))
  }

  function removeDirectory(at: BinaryPath): void {
    for (const name of readNames(at)) remove(joinPath(at, name))
    faultPoint('tree.remove.before')
    rmdirSync(fsPath(at))
  }

  /** A program that changes its directory as it goes can make a tree deeper than any path. */
  function moveUp(at: BinaryPath): BinaryPath {
    for (;;) {
      const to = joinPath(path, `.deep.${++serial}`)
      if (statFile(to) !== undefined) continue
      renameSync(fsPath(at), fsPath(to))
      return to
    }
  }
}

// two sweepers may be at one tree
function tolerant(remove: () => void): void {
  try {
    remove()
  } catch (err) {
    if (!hasErrno(err, 'ENOENT')) throw err
  }
}
