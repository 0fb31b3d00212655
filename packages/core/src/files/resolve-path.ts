import { CoreError } from '../errors.js'
import { type BinaryPath, cleanPath, joinPath, parentPath, showPath } from './binary-path.js'
import { isSymlink } from './file-types.js'

/** What a path is resolved in. */
export interface LinkTree {
  lstat(path: BinaryPath): { readonly mode: number } | undefined
  readLink(path: BinaryPath): BinaryPath
}

const maxLinks = 255

/** Follows every link of `path`, the last part's too, as if the tree were the whole file system: absolute links start at the tree's root,
 * and `..` stops there. Parts behind one that is not there are kept as they are.
 * @throws {CoreError} `COPY_INVALID` for links in a circle */
export function resolvePath(tree: LinkTree, path: BinaryPath): BinaryPath {
  const todo = path.split('/').reverse()
  let done: BinaryPath = ''
  let links = 0
  for (let part = todo.pop(); part !== undefined; part = todo.pop()) {
    if (part === '' || part === '.') continue
    if (part === '..') {
      done = parentPath(done)
      continue
    }
    const next = joinPath(done, part)
    const stat = tree.lstat(next)
    if (stat === undefined || !isSymlink(stat.mode)) {
      done = next
      continue
    }
    if (++links > maxLinks) {
      throw new CoreError('COPY_INVALID', `Cannot resolve "${showPath(cleanPath(path))}": too many links`)
    }
    const target = tree.readLink(next)
    if (target.startsWith('/')) done = ''
    todo.push(...target.split('/').reverse())
  }
  return done
}
