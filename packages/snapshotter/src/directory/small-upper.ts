import { type BinaryPath, joinPath } from '../binary-path.js'
import { readNames } from '../files/names.js'
import { statFile } from '../files/stat.js'
import { isOpaque } from '../files/xattrs.js'

/** What is looked at in this thread: about a millisecond of work, less than asking a worker costs. */
const mostEntries = 24
const mostBytes = 64 << 10

/** Whether so little has changed that making it canonical is no work for a worker: a RUN that did next to nothing. */
export function isSmallUpper(upper: BinaryPath): boolean {
  let entries = 0
  let bytes = 0
  const fits = (directory: BinaryPath): boolean => {
    const names = readNames(directory)
    entries += names.length
    if (entries > mostEntries) return false
    return names.every((name) => {
      const path = joinPath(directory, name)
      const stat = statFile(path)
      if (stat === undefined) return false
      // An opaque directory or a whiteout may stand for a large tree below.
      if (stat.type === 'whiteout') return false
      if (stat.type === 'directory') return !isOpaque(path) && fits(path)
      bytes += stat.type === 'file' ? stat.size : 0
      return bytes <= mostBytes
    })
  }
  return fits(upper)
}
