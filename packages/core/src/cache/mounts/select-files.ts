import type { BinaryPath } from '../../files/binary-path.js'
import type { FoundFile, FoundPath } from './walk-folder.js'

export interface Selection {
  readonly paths: readonly FoundPath[]
  /** Files that the limit leaves out. */
  readonly leftOut: number
}

/** Keeps files until their sizes reach `maxBytes`: those read or written last first. Hard links go with their file. */
export function selectFiles(found: readonly FoundPath[], maxBytes: number): Selection {
  const files = found.filter((path) => path.kind === 'file')
  const total = files.reduce((sum, { stats }) => sum + stats.size, 0)
  if (total <= maxBytes) return { paths: found, leftOut: 0 }
  const out = new Set<BinaryPath>()
  let left = maxBytes
  for (const { path, stats } of files.sort(lastUsedFirst)) {
    if (stats.size <= left) left -= stats.size
    else out.add(path)
  }
  return { paths: withoutFiles(found, out), leftOut: out.size }
}

/** Leaves files out, and hard links to them. */
export function withoutFiles(found: readonly FoundPath[], out: ReadonlySet<BinaryPath>): readonly FoundPath[] {
  return out.size === 0 ? found : found.filter((path) => !out.has(path.kind === 'link' ? path.to : path.path))
}

function lastUsedFirst(a: FoundFile, b: FoundFile): number {
  const [usedA, usedB] = [lastUse(a), lastUse(b)]
  if (usedA !== usedB) return usedA > usedB ? -1 : 1
  return a.path < b.path ? -1 : 1
}

function lastUse({ stats: { atimeNs, mtimeNs } }: FoundFile): bigint {
  return atimeNs > mtimeNs ? atimeNs : mtimeNs
}
