import type { BinaryPath } from '../binary-path.js'
import { type Attributes, setAttributes } from '../files/create.js'
import { statFile } from '../files/stat.js'

/** Attributes of directories, kept until all entries are there: entries change a directory's mtime, and a default ACL would
 * be inherited by them. Grows with the number of directories. */
export class PendingDirectories {
  readonly #root: BinaryPath
  readonly #pending = new Map<BinaryPath, Attributes>()

  constructor(root: BinaryPath) {
    this.#root = root
  }

  set(path: BinaryPath, attributes: Attributes): void {
    this.#pending.set(path, attributes)
  }

  has(path: BinaryPath): boolean {
    return this.#pending.has(path)
  }

  /** Something else takes the place of `path` and all below it. */
  drop(path: BinaryPath): void {
    for (const known of this.#pending.keys()) {
      if (known === path || known.startsWith(`${path}/`)) this.#pending.delete(known)
    }
  }

  /** Sets them, the deepest first, since a parent may be closed to us afterwards. */
  finish(): void {
    for (const path of [...this.#pending.keys()].sort().reverse()) {
      const full = `${this.#root}/${path}`
      const attributes = this.#pending.get(path)
      if (attributes !== undefined && statFile(full)?.type === 'directory') setAttributes(full, attributes)
    }
    this.#pending.clear()
  }
}
