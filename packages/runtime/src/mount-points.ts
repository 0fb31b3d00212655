import { lstatSync, mkdirSync, readlinkSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs'
import { posix } from 'node:path'
import { hasErrno, openHost } from '@tsbuild/host'
import { RuntimeError } from './errors.js'

const mostLinks = 40

/** Mount points in the thread's present root: what is missing is made, and removed after the step as if it had never been.
 * All paths are absolute there; links are resolved there too. */
export interface MountPoints {
  /** Makes sure that `target` is there, and returns where it really is, without links.
   * @throws {RuntimeError} `MOUNT_UNUSABLE` when something else is there */
  ensure(target: string, kind: 'directory' | 'file'): string
  /** What `ensure` made, parents first. */
  made(): string[]
  /** Removes what `ensure` made and is still empty; times of the parent directories stay as they are. */
  remove(): void
}

export function createMountPoints(): MountPoints {
  const made: { path: string; kind: 'directory' | 'file' }[] = []
  const make = (path: string, kind: 'directory' | 'file') => {
    keepingTimes(posix.dirname(path), () => {
      if (kind === 'directory') mkdirSync(path, { mode: 0o755 })
      else writeFileSync(path, '', { flag: 'wx', mode: 0o644 })
    })
    made.push({ path, kind })
  }
  return {
    ensure(target, kind) {
      const { existing, missing } = resolveInRoot(target)
      if (missing.length === 0) return checkedKind(target, existing, kind)
      let path = existing
      for (const [index, name] of missing.entries()) {
        path = posix.join(path, name)
        make(path, index === missing.length - 1 ? kind : 'directory')
      }
      return path
    },
    made: () => made.map(({ path }) => path),
    remove() {
      for (const { path, kind } of made.reverse()) removeEmpty(path, kind)
      made.length = 0
    },
  }
}

function checkedKind(target: string, path: string, kind: 'directory' | 'file'): string {
  if (lstatSync(path).isDirectory() === (kind === 'directory')) return path
  const is = kind === 'directory' ? 'not a directory' : 'a directory'
  throw new RuntimeError('MOUNT_UNUSABLE', `Cannot mount on "${target}": it is ${is}`)
}

/** Follows `target` as far as it exists; what is missing is taken literally. */
function resolveInRoot(target: string): { existing: string; missing: string[] } {
  let todo = target.split('/')
  let path = '/'
  for (let turns = 0; todo.length > 0; ) {
    const name = todo.shift()!
    if (name === '' || name === '.') continue
    const next = name === '..' ? posix.dirname(path) : posix.join(path, name)
    const stat = lstatSync(next, { throwIfNoEntry: false })
    if (stat && !stat.isSymbolicLink()) {
      path = next
      continue
    }
    if (++turns > mostLinks) throw new RuntimeError('MOUNT_UNUSABLE', `Cannot mount on "${target}": too many links`)
    if (stat) {
      const link = readlinkSync(next)
      if (link.startsWith('/')) path = '/'
      todo.unshift(...link.split('/'))
    } else if (todo.includes('..')) {
      todo = posix.join(next, ...todo).split('/')
      path = '/'
    } else {
      return { existing: path, missing: [name, ...todo].filter((part) => part !== '' && part !== '.') }
    }
  }
  return { existing: path, missing: [] }
}

function removeEmpty(path: string, kind: 'directory' | 'file'): void {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (!stat || stat.isDirectory() !== (kind === 'directory') || (kind === 'file' && stat.size > 0)) return
  try {
    keepingTimes(posix.dirname(path), () => (kind === 'directory' ? rmdirSync(path) : unlinkSync(path)))
  } catch (error) {
    // The step put something into the directory: then it belongs to the step.
    if (!hasErrno(error, 'ENOTEMPTY', 'ENOENT')) throw error
  }
}

function keepingTimes(directory: string, action: () => void): void {
  const { atimeNs, mtimeNs } = lstatSync(directory, { bigint: true })
  action()
  openHost().utimens(directory, atimeNs, mtimeNs)
}
