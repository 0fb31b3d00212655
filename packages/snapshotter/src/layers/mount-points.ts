import { type BinaryPath, joinPath, toBinary } from '../binary-path.js'
import { pinDirectory, readPinnedNames } from '../files/pinned.js'
import { type FileStat, statFile } from '../files/stat.js'

/** Tells what stands in a tree only for others to be mounted on. */
export type IsMountPoint = (path: BinaryPath, relative: BinaryPath, stat: FileStat) => boolean

/** @param paths absolute paths in the tree that were made to mount on. One that got content of its own is a change like any other. */
export function mountPointTest(paths: readonly string[]): IsMountPoint {
  const made = new Set(paths.map((path) => toBinary(path).replace(/^\/+/, '')))
  const isMountPoint: IsMountPoint = (path, relative, stat) => {
    if (!made.has(relative)) return false
    if (stat.type !== 'directory') return stat.type === 'file' && stat.size === 0
    using directory = pinDirectory(path)
    return readPinnedNames(directory).every((name) => {
      const child = joinPath(directory.path, name)
      const childStat = statFile(child)
      return childStat === undefined || isMountPoint(child, joinPath(relative, name), childStat)
    })
  }
  return isMountPoint
}
