import { type BinaryPath, joinPath } from '../binary-path.js'
import { readNames } from '../files/names.js'
import { type FileStat, statFile } from '../files/stat.js'
import { isOpaque } from '../files/xattrs.js'
import type { Layer } from './layer.js'

/** One layer's share of a merged directory. */
interface Part {
  readonly layer: Layer
  readonly path: BinaryPath
  /** Within the layer; '' for its root. */
  readonly relative: BinaryPath
}

/** What a chain shows at some path. */
export interface MergedEntry {
  readonly stat: FileStat
  /** Where it really lies (for a directory, in the topmost layer that has it). */
  readonly path: BinaryPath
  /** For directories. */
  readonly directory?: MergedDirectory
}

/** A directory of a chain of layers, merged by overlayfs's rules without mounting anything. */
export class MergedDirectory {
  readonly #parts: readonly Part[]

  constructor(parts: readonly Part[]) {
    this.#parts = parts
  }

  /** What the chain shows as `name` here. Looks into the layers from number `from` on (topmost is 0), when the caller knows
   * that those above have no such entry. */
  lookup(name: BinaryPath, from = 0): MergedEntry | undefined {
    let top: Pick<MergedEntry, 'stat' | 'path'> | undefined
    const parts: Part[] = []
    for (const [index, { layer, ...part }] of this.#parts.entries()) {
      const relative = joinPath(part.relative, name)
      const hides = layer.hidden.has(relative)
      const path = joinPath(part.path, name)
      const stat = index < from ? undefined : statFile(path)
      if (stat === undefined && !hides) continue
      if (stat === undefined || stat.type === 'whiteout') break
      if (stat.type !== 'directory') {
        if (top === undefined) return { stat, path }
        break
      }
      top ??= { stat, path }
      parts.push({ layer, path, relative })
      const last = index === this.#parts.length - 1
      if (hides || (!last && layer.format === 'overlay' && isOpaque(path))) break
    }
    return top === undefined ? undefined : { ...top, directory: new MergedDirectory(parts) }
  }

  /** All that the chain shows here, in the order of the names' bytes. */
  *entries(): Generator<readonly [name: BinaryPath, entry: MergedEntry]> {
    const first = this.#firstLayers()
    for (const name of [...first.keys()].sort()) {
      const entry = this.lookup(name, first.get(name))
      if (entry !== undefined) yield [name, entry]
    }
  }

  #firstLayers(): Map<BinaryPath, number> {
    const first = new Map<BinaryPath, number>()
    for (const [index, part] of this.#parts.entries()) {
      for (const name of readNames(part.path)) if (!first.has(name)) first.set(name, index)
    }
    return first
  }
}

/** The root of a chain; `undefined` for no layers. @param layers lowest first */
export function mergeLayers(layers: readonly Layer[]): MergedDirectory | undefined {
  if (layers.length === 0) return undefined
  return new MergedDirectory([...layers].reverse().map((layer) => ({ layer, path: layer.root, relative: '' })))
}
