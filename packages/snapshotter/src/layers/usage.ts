import type { SnapshotUsage } from '@tsbuild/spec'
import { type BinaryPath, joinPath } from '../binary-path.js'
import { readNames } from '../files/names.js'
import { type FileStat, statFile } from '../files/stat.js'

/** Adds up what a layer holds. Remembers the inodes of files with several names, to count those once. */
export class UsageCounter {
  #bytes = 0
  #entries = 0
  readonly #seen = new Set<bigint>()

  add(stat: FileStat): void {
    this.#entries++
    if (stat.type !== 'file') return
    if (stat.links > 1) {
      if (this.#seen.has(stat.inode)) return
      this.#seen.add(stat.inode)
    }
    this.#bytes += stat.size
  }

  /** Counts an entry that is no file: a whiteout, the root. */
  addMark(): void {
    this.#entries++
  }

  get usage(): SnapshotUsage {
    return { bytes: this.#bytes, entries: this.#entries }
  }
}

/** Called now and then by every long loop; throws when the caller gave up. */
export type CheckAbort = () => void

/** Makes one check of every hundred calls. */
export function everyHundred(check: CheckAbort): CheckAbort {
  let count = 0
  return () => {
    if (++count % 100 === 0) check()
  }
}

/** Counts all entries below `directory`, which is not counted itself; a layer's `hidden` paths count where they stand for whiteouts. */
export function measureTree(directory: BinaryPath, hidden: ReadonlySet<BinaryPath>, check: CheckAbort): SnapshotUsage {
  const counter = new UsageCounter()
  const walk = (at: BinaryPath) => {
    for (const name of readNames(at)) {
      check()
      const path = joinPath(at, name)
      const stat = statFile(path)
      if (stat === undefined) continue
      counter.add(stat)
      if (stat.type === 'directory') walk(path)
    }
  }
  walk(directory)
  for (const path of hidden) if (statFile(joinPath(directory, path)) === undefined) counter.addMark()
  return counter.usage
}
