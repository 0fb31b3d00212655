import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hasErrno } from '@tsbuild/host'
import { type BinaryPath, fsPath, parentPath } from '../binary-path.js'

/** How a layer on disk says that something below it is gone.
 * - `overlay`: as overlayfs does: whiteout devices and opaque marks among the files.
 * - `native`: in a list beside the files, which needs no privileges. */
export type LayerFormat = 'overlay' | 'native'

/** A committed layer on disk, opened for reading. */
export interface Layer {
  readonly format: LayerFormat
  /** Directory of its files. */
  readonly root: BinaryPath
  /** `native` only: paths (relative, no leading slash) where nothing of lower layers shows. One that the layer has itself
   * is an opaque directory. */
  readonly hidden: ReadonlySet<BinaryPath>
}

const none: ReadonlySet<BinaryPath> = new Set()

/** Opens the layer in `directory` (which has `fs` and, for `native`, perhaps `hidden`). */
export function openLayer(format: LayerFormat, directory: BinaryPath): Layer {
  const hidden = format === 'native' ? readHidden(directory) : none
  return { format, root: `${directory}/fs`, hidden }
}

export function readHidden(directory: BinaryPath): Set<BinaryPath> {
  try {
    const text = readFileSync(fsPath(`${directory}/hidden`), 'latin1')
    return new Set(text.split('\0').filter((path) => path !== ''))
  } catch (err) {
    if (hasErrno(err, 'ENOENT')) return new Set()
    throw err
  }
}

/** Sorted, so that equal layers have equal lists; no file for none. */
export function writeHidden(directory: BinaryPath, hidden: ReadonlySet<BinaryPath>): void {
  const file = fsPath(`${directory}/hidden`)
  if (hidden.size === 0) rmSync(file, { force: true })
  else writeFileSync(file, [...hidden].sort().join('\0'), 'latin1')
}

/** The last names of `paths` by parent directory ('' for the top). */
export function groupByParent(paths: ReadonlySet<BinaryPath>): Map<BinaryPath, BinaryPath[]> {
  const groups = new Map<BinaryPath, BinaryPath[]>()
  for (const path of paths) {
    const parent = path.includes('/') ? parentPath(path) : ''
    const names = groups.get(parent)
    const name = path.slice(parent === '' ? 0 : parent.length + 1)
    if (names === undefined) groups.set(parent, [name])
    else names.push(name)
  }
  return groups
}
