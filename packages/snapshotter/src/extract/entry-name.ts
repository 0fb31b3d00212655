import type { BinaryPath } from '../binary-path.js'
import { invalidEntry } from '../tar/parser.js'

/** Longer ones could not be named any more from outside the root. */
export const maxPath = 3500

/** The components of an entry's name or of a hard link's target, relative to the root: `.` and empty ones dropped, `..` resolved
 * by text as other unpackers do; absolute names count from the root.
 * @param entry name of the entry, for the message
 * @throws {SnapshotError} `LAYER_INVALID` where the name leads out of the root, or is longer than Linux allows */
export function splitName(name: BinaryPath, entry: BinaryPath = name): BinaryPath[] {
  const components: BinaryPath[] = []
  for (const component of name.split('/')) {
    if (component === '' || component === '.') continue
    if (component.length > 255) throw invalidEntry(entry, 'a name in it is longer than 255 bytes')
    if (component !== '..') components.push(component)
    else if (components.pop() === undefined) throw invalidEntry(entry, 'it leads out of the root')
  }
  if (name.length > maxPath) throw invalidEntry(entry, `its path is longer than ${maxPath} bytes`)
  return components
}

const whiteoutPrefix = '.wh.'
const metaPrefix = '.wh..wh.'
export const opaqueMarker = '.wh..wh..opq'

export function whiteoutName(name: BinaryPath): BinaryPath {
  return whiteoutPrefix + name
}

export function isWhiteoutName(name: BinaryPath): boolean {
  return name.startsWith(whiteoutPrefix)
}

/** What an entry of a layer means (OCI image spec, layer.md "Whiteouts"). `ignore` is for the private files of aufs. */
export type EntryMeaning =
  | { readonly kind: 'entry' }
  | { readonly kind: 'whiteout'; readonly name: BinaryPath }
  | { readonly kind: 'opaque' }
  | { readonly kind: 'ignore' }

/** @throws {SnapshotError} `LAYER_INVALID` for a whiteout that has entries below it or names nothing */
export function layerMeaning(components: readonly BinaryPath[], entry: BinaryPath): EntryMeaning {
  if (components[0]?.startsWith(metaPrefix) && components[0] !== opaqueMarker) return { kind: 'ignore' }
  if (components.slice(0, -1).some(isWhiteoutName)) throw invalidEntry(entry, 'a whiteout cannot be a directory')
  const last = components.at(-1) ?? ''
  if (last === opaqueMarker) return { kind: 'opaque' }
  if (!isWhiteoutName(last)) return { kind: 'entry' }
  const name = last.slice(whiteoutPrefix.length)
  if (name === '' || name === '.' || name === '..') throw invalidEntry(entry, 'its whiteout names nothing')
  return { kind: 'whiteout', name }
}
