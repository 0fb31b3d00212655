import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from 'node:fs'
import { type BinaryPath, joinPath } from '../../files/binary-path.js'
import { fileType, isRegular, modeMask } from '../../files/file-types.js'
import { isGone } from '../../files/source-tree.js'
import { at } from '../../files/target-tree.js'

/** What is kept of a stat: a folder may have very many. */
export interface FoundStats {
  readonly size: number
  readonly uid: number
  readonly gid: number
  readonly ino: bigint
  readonly atimeNs: bigint
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
}

interface Found {
  readonly path: BinaryPath
  /** Permission bits. */
  readonly mode: number
  readonly stats: FoundStats
}

export type FoundFile = Found & { readonly kind: 'file' }

export type FoundPath =
  | FoundFile
  | (Found & { readonly kind: 'directory' })
  | (Found & { readonly kind: 'symlink'; readonly target: BinaryPath })
  | { readonly kind: 'link'; readonly path: BinaryPath; readonly to: BinaryPath }

export interface FoundFolder {
  readonly device: bigint
  /** In the order of {@link MountTree.entries}. */
  readonly paths: readonly FoundPath[]
}

/** All paths in the root of this thread. Devices, fifos, sockets and other file systems stay out, and what vanishes meanwhile. */
export function walkFolder(throwIfAborted: () => void): FoundFolder {
  const root = lstatSync('/', { bigint: true })
  const walk: Walk = { device: root.dev, inodes: new Map() }
  const paths: FoundPath[] = [{ kind: 'directory', ...foundAt('', root) }]
  const enter = (directory: BinaryPath) => {
    throwIfAborted()
    for (const name of namesIn(directory)) {
      const path = joinPath(directory, name)
      const found = look(path, walk)
      if (found === undefined) continue
      paths.push(found)
      if (found.kind === 'directory') enter(path)
    }
  }
  enter('')
  return { device: root.dev, paths }
}

export function foundStats({ size, uid, gid, ino, atimeNs, mtimeNs, ctimeNs }: BigIntStats): FoundStats {
  return { size: Number(size), uid: Number(uid), gid: Number(gid), ino, atimeNs, mtimeNs, ctimeNs }
}

function foundAt(path: BinaryPath, stats: BigIntStats): Found {
  return { path, mode: Number(stats.mode) & modeMask, stats: foundStats(stats) }
}

interface Walk {
  readonly device: bigint
  /** First paths of files that have several. */
  readonly inodes: Map<bigint, BinaryPath>
}

function namesIn(directory: BinaryPath): BinaryPath[] {
  try {
    return readdirSync(at(directory), 'latin1').sort()
  } catch (error) {
    if (isGone(error)) return []
    throw error
  }
}

function look(path: BinaryPath, walk: Walk): FoundPath | undefined {
  try {
    const stats = lstatSync(at(path), { bigint: true, throwIfNoEntry: false })
    if (stats === undefined || stats.dev !== walk.device) return undefined
    const mode = Number(stats.mode)
    if (isRegular(mode)) return fileOrLink(path, stats, walk)
    switch (fileType(mode)) {
      case 'directory':
        return { kind: 'directory', ...foundAt(path, stats) }
      case 'symlink':
        return { kind: 'symlink', ...foundAt(path, stats), target: readlinkSync(at(path), 'latin1') }
      default:
        return undefined
    }
  } catch (error) {
    // Gone, or something else by now.
    if (isGone(error) || (error as NodeJS.ErrnoException).code === 'EINVAL') return undefined
    throw error
  }
}

function fileOrLink(path: BinaryPath, stats: BigIntStats, { inodes }: Walk): FoundPath {
  if (stats.nlink > 1n) {
    const to = inodes.get(stats.ino)
    if (to !== undefined) return { kind: 'link', path, to }
    inodes.set(stats.ino, path)
  }
  return { kind: 'file', path, mode: Number(stats.mode) & modeMask, stats: foundStats(stats) }
}
