import { type BinaryPath, joinPath } from '../binary-path.js'
import { type Pinned, pinDirectory, readPinnedNames, untilSteady } from '../files/pinned.js'
import { sameAttributes, sameEntry } from '../files/same.js'
import { statFile } from '../files/stat.js'
import { isOpaque } from '../files/xattrs.js'
import type { LayerFormat } from './layer.js'
import type { MergedDirectory, MergedEntry } from './merged.js'
import type { IsMountPoint } from './mount-points.js'
import type { CheckAbort } from './usage.js'

/** What became of a path: added, changed, deleted. */
export type ChangeKind = 'A' | 'C' | 'D'
export type Change = readonly [kind: ChangeKind, path: BinaryPath]

export interface ListOptions {
  readonly format: LayerFormat
  readonly lower: MergedDirectory | undefined
  readonly isMountPoint: IsMountPoint
  readonly check: CheckAbort
}

interface Directory {
  readonly pinned: Pinned
  readonly relative: BinaryPath
  readonly lower: MergedDirectory | undefined
  /** Nothing of the lower directory shows but what is here. */
  readonly whole: boolean
}

/** What is different in a tree (`native`) or an overlay's upper directory, in the order of the paths' bytes. A directory in which
 * something changed counts as changed; of one that is gone only itself is told. Paths have no leading slash. */
export function listChanges(tree: BinaryPath, { format, lower, isMountPoint, check }: ListOptions): Change[] {
  const changes: Change[] = []
  using pinned = pinDirectory(tree)
  list({ pinned, relative: '', lower, whole: format === 'native' })
  return changes.sort(([, a], [, b]) => (a < b ? -1 : a > b ? 1 : 0))

  /** Whether there was anything. */
  function list(directory: Directory): boolean {
    const before = changes.length
    const own = readPinnedNames(directory.pinned)
    for (const name of own) {
      check()
      untilSteady(() => listOne(directory, name))
    }
    if (directory.whole) listGone(directory, new Set(own))
    return changes.length > before
  }

  function listGone({ relative, lower: below }: Directory, own: ReadonlySet<BinaryPath>): void {
    for (const [name] of below?.entries() ?? []) if (!own.has(name)) changes.push(['D', joinPath(relative, name)])
  }

  function listOne(directory: Directory, name: BinaryPath): void {
    const self = { path: joinPath(directory.pinned.path, name), relative: joinPath(directory.relative, name) }
    const stat = statFile(self.path)
    if (stat === undefined || isMountPoint(self.path, self.relative, stat)) return
    const below = directory.lower?.lookup(name)
    if (stat.type === 'whiteout') {
      if (below !== undefined) changes.push(['D', self.relative])
    } else if (stat.type === 'directory') listDirectory(directory, self, below)
    else if (below === undefined) changes.push(['A', self.relative])
    else if (!sameEntry({ path: self.path, stat }, below)) changes.push(['C', self.relative])
  }

  function listDirectory(
    parent: Directory,
    { path, relative }: { readonly path: BinaryPath; readonly relative: BinaryPath },
    below: MergedEntry | undefined,
  ): void {
    using pinned = pinDirectory(path)
    const whole = parent.whole || (format === 'overlay' && isOpaque(pinned.path))
    const changed = list({ pinned, relative, lower: below?.directory, whole })
    if (below === undefined) changes.push(['A', relative])
    else if (changed || !sameAttributes(pinned, below)) changes.push(['C', relative])
  }
}
