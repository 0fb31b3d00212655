import { unlinkSync } from 'node:fs'
import { openHost } from '@tsbuild/host'
import { type BinaryPath, fsPath, joinPath } from '../binary-path.js'
import { readNames } from '../files/names.js'
import { statFile } from '../files/stat.js'
import { isOpaque } from '../files/xattrs.js'
import type { Layer } from './layer.js'
import type { MergedDirectory } from './merged.js'
import type { CheckAbort } from './usage.js'

/** Removes whiteouts that hide nothing from a layer that was unpacked on `below`: in a directory that no other layer has,
 * overlayfs would list them as entries that cannot be opened. @returns what is left of `layer.hidden` */
export function dropDeadWhiteouts(
  layer: Layer,
  below: MergedDirectory | undefined,
  check: CheckAbort,
): Set<BinaryPath> {
  if (layer.format === 'native') return new Set([...layer.hidden].filter((path) => isAlive(layer, path, below)))
  walk(layer.root, below, check)
  return new Set()
}

function walk(path: BinaryPath, below: MergedDirectory | undefined, check: CheckAbort): void {
  const own = statFile(path)
  let removed = false
  for (const name of readNames(path)) {
    check()
    const child = joinPath(path, name)
    const type = statFile(child)?.type
    if (type === 'directory') walk(child, isOpaque(child) ? undefined : below?.lookup(name)?.directory, check)
    if (type !== 'whiteout' || below?.lookup(name) !== undefined) continue
    unlinkSync(fsPath(child))
    removed = true
  }
  if (removed && own !== undefined) openHost().utimens(fsPath(path), own.mtimeNs, own.mtimeNs)
}

function isAlive(layer: Layer, path: BinaryPath, below: MergedDirectory | undefined): boolean {
  // an opaque directory stays one, as it does for overlayfs
  if (statFile(joinPath(layer.root, path))?.type === 'directory') return true
  const names = path.split('/')
  let directory = below
  for (const [index, name] of names.entries()) {
    const found = directory?.lookup(name)
    if (found === undefined) return false
    if (index === names.length - 1) return true
    const parent = names.slice(0, index + 1).join('/')
    if (layer.hidden.has(parent)) return false
    directory = found.directory
  }
  return false
}
