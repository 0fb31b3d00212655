import { type BinaryPath, joinPath, showPath } from '../binary-path.js'
import { SnapshotError } from '../errors.js'
import { isWhiteoutName, opaqueMarker, whiteoutName } from '../extract/entry-name.js'
import { readNames, readTarget } from '../files/names.js'
import { type FileStat, statFile } from '../files/stat.js'
import { isOpaque, readXattrs } from '../files/xattrs.js'
import { groupByParent, type Layer } from '../layers/layer.js'
import type { MergedDirectory } from '../layers/merged.js'
import { timeCutter } from '../layers/time-cutter.js'
import type { CheckAbort } from '../layers/usage.js'
import type { TarEntry, TarEntryType } from '../tar/entry.js'
import type { TarOutput } from './tar-output.js'

export interface PackTreeOptions {
  /** Seconds since the epoch. */
  readonly maxMtime?: number | undefined
  readonly check: CheckAbort
}

/** Writes entries of a tree; of hard links, the first one carries the data. */
export class EntryPacker {
  readonly #out: TarOutput
  readonly #cut: (timeNs: bigint) => bigint
  readonly #firstNames = new Map<bigint, BinaryPath>()

  constructor(out: TarOutput, maxMtime: number | undefined) {
    this.#out = out
    this.#cut = timeCutter(maxMtime)
  }

  pack(path: BinaryPath, name: BinaryPath, stat: FileStat): void {
    if (stat.type === 'socket' || stat.type === 'whiteout') return
    const first = this.#firstName(stat, name)
    const entry = this.#entry(path, name, stat, first)
    this.#out.header(entry)
    if (entry.size > 0) this.#out.content(path, entry.size, name)
  }

  /** A whiteout or opaque mark: an empty file that belongs to nobody's clock. */
  mark(name: BinaryPath): void {
    this.#out.header({ ...blank, name, type: 'file', mode: 0, uid: 0, gid: 0, size: 0, mtimeNs: 0n })
  }

  #firstName(stat: FileStat, name: BinaryPath): BinaryPath | undefined {
    if (stat.links < 2 || stat.type === 'directory') return undefined
    const first = this.#firstNames.get(stat.inode)
    if (first === undefined) this.#firstNames.set(stat.inode, name)
    return first
  }

  #entry(path: BinaryPath, name: BinaryPath, stat: FileStat, first: BinaryPath | undefined): TarEntry {
    const { mode, uid, gid, deviceMajor, deviceMinor } = stat
    const mtimeNs = this.#cut(stat.mtimeNs)
    const common = { name, mode, uid, gid, mtimeNs, deviceMajor, deviceMinor }
    if (first !== undefined) return { ...blank, ...common, type: 'hardlink', size: 0, linkName: first }
    const type = stat.type as TarEntryType
    const linkName = type === 'symlink' ? readTarget(path) : ''
    return { ...common, type, size: type === 'file' ? stat.size : 0, linkName, xattrs: readXattrs(path) }
  }
}

const blank = { linkName: '', deviceMajor: 0, deviceMinor: 0, xattrs: new Map<string, Buffer>() }

/** Writes one layer, as containerd orders and names its entries: directories before what is in them, each directory's entries
 * by the bytes of their names, a whiteout where the entry would stand.
 * @param root whether the root's own attributes belong to the layer
 * @throws {SnapshotError} `SNAPSHOT_CHANGED`, `SNAPSHOT_UNSUPPORTED` for a file whose name means deletion in a layer */
export function packLayer(layer: Layer, root: boolean, out: TarOutput, { maxMtime, check }: PackTreeOptions): void {
  const packer = new EntryPacker(out, maxMtime)
  const hiddenNames = groupByParent(layer.hidden)
  const top = root ? statFile(layer.root) : undefined
  if (top !== undefined) packer.pack(layer.root, '.', top)
  packDirectory(layer.root, '')

  function packDirectory(path: BinaryPath, name: BinaryPath): void {
    const names = new Set([...readNames(path), ...(hiddenNames.get(name) ?? [])])
    for (const child of [...names].sort()) {
      check()
      packOne(joinPath(path, child), name, child)
    }
  }

  function packOne(path: BinaryPath, parent: BinaryPath, child: BinaryPath): void {
    const name = joinPath(parent, child)
    const stat = statFile(path)
    const hides = layer.hidden.has(name)
    if (stat === undefined && !hides) return
    if (isWhiteoutName(child)) throw reservedName(name)
    if (stat === undefined || stat.type === 'whiteout') {
      packer.mark(joinPath(parent, whiteoutName(child)))
      return
    }
    packer.pack(path, name, stat)
    if (stat.type !== 'directory') return
    const opaque = hides || (layer.format === 'overlay' && isOpaque(path))
    if (opaque) packer.mark(joinPath(name, opaqueMarker))
    packDirectory(path, name)
  }
}

/** Writes what a chain shows, without whiteouts. */
export function packMerged(
  chain: MergedDirectory | undefined,
  out: TarOutput,
  { maxMtime, check }: PackTreeOptions,
): void {
  const packer = new EntryPacker(out, maxMtime)
  if (chain !== undefined) packDirectory(chain, '')

  function packDirectory(directory: MergedDirectory, name: BinaryPath): void {
    for (const [child, entry] of directory.entries()) {
      check()
      const childName = joinPath(name, child)
      packer.pack(entry.path, childName, entry.stat)
      if (entry.directory !== undefined) packDirectory(entry.directory, childName)
    }
  }
}

function reservedName(name: BinaryPath): SnapshotError {
  const message = `Cannot pack file "${showPath(name)}": its name means a deletion in a layer`
  return new SnapshotError('SNAPSHOT_UNSUPPORTED', message, {
    hint: 'Remove or rename files that begin with ".wh." in the build',
  })
}
