import { mkdirSync } from 'node:fs'
import { type BinaryPath, fsPath, joinPath } from '../binary-path.js'
import { readTarget } from '../files/names.js'
import { type FileStat, statFile } from '../files/stat.js'
import { invalidEntry } from '../tar/parser.js'
import { maxPath } from './entry-name.js'

const maxLinks = 40

export interface ResolverEvents {
  /** A directory that no entry named was made (mode 0755, owner 0:0, mtime 0). @param path within the root */
  implied(path: BinaryPath): void
  /** Takes a whiteout at `path` away, to make room for a directory; the directory then hides what the whiteout hid. */
  unhide(path: BinaryPath): void
}

/** Finds the real directory that an entry goes into, making what is missing. Links on the way, absolute ones too, are resolved
 * inside the root, one component at a time: so nothing outside is touched even where the kernel does not confine the thread. */
export class ParentResolver {
  readonly #root: BinaryPath
  readonly #events: ResolverEvents
  #last: { readonly asked: BinaryPath; readonly found: BinaryPath } | undefined

  /** @param root '' for the thread's own root, else a directory without a slash at its end */
  constructor(root: BinaryPath, events: ResolverEvents) {
    this.#root = root
    this.#events = events
  }

  /** Must be called when anything but a fresh entry was made: a directory or link may have gone. */
  forget(): void {
    this.#last = undefined
  }

  /** Path within the root ('' for the root itself) of the directory that `components` name.
   *  @throws {SnapshotError} `LAYER_INVALID` for a file in the way, or a loop of links */
  resolve(components: readonly BinaryPath[], entry: BinaryPath): BinaryPath {
    const asked = components.join('/')
    if (this.#last?.asked === asked) return this.#last.found
    const found = this.#walk(components, entry)
    this.#last = { asked, found }
    return found
  }

  #walk(components: readonly BinaryPath[], entry: BinaryPath): BinaryPath {
    const pending = [...components].reverse()
    const at: BinaryPath[] = []
    let links = 0
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      if (name === '..') {
        at.pop()
        continue
      }
      const path = [...at, name].join('/')
      if (path.length > maxPath) throw invalidEntry(entry, `its path is longer than ${maxPath} bytes`)
      const target = this.#step(path, entry)
      if (target === undefined) {
        at.push(name)
        continue
      }
      if (++links > maxLinks) throw invalidEntry(entry, 'there is a loop of links in its path')
      if (target.startsWith('/')) at.length = 0
      const parts = target.split('/').filter((part) => part !== '' && part !== '.')
      pending.push(...parts.reverse())
    }
    return at.join('/')
  }

  /** The link target where there is a link; else sure of a directory. */
  #step(path: BinaryPath, entry: BinaryPath): BinaryPath | undefined {
    const full = joinPath(`${this.#root}/`, path)
    const stat = statFile(full)
    if (stat?.type === 'directory') return undefined
    if (stat?.type === 'symlink') return readTarget(full)
    this.#imply(path, full, stat, entry)
    return undefined
  }

  #imply(path: BinaryPath, full: BinaryPath, stat: FileStat | undefined, entry: BinaryPath): void {
    if (stat !== undefined && stat.type !== 'whiteout') throw invalidEntry(entry, 'its parent is not a directory')
    if (stat !== undefined) this.#events.unhide(path)
    mkdirSync(fsPath(full), 0o755)
    this.#events.implied(path)
  }
}
