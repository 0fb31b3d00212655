import type { BinaryPath } from './binary-path.js'
import { MemoDirectory, type MemoRules } from './memo-directory.js'
import { memoRowDirectory } from './memo-row.js'
import type { FileStats } from './source-tree.js'

/** Rows to write and rows to remove, by directory. */
export interface MemoChanges {
  readonly changed: readonly { readonly directory: BinaryPath; readonly row: Uint8Array }[]
  readonly removed: readonly BinaryPath[]
}

export interface MemoOptions {
  /** Encoded rows, each behind its length (4 bytes, little-endian). */
  readonly rows: Uint8Array
  readonly bootId: string
  /** Milliseconds since the epoch, taken before the first stat. */
  readonly now: number
}

/** A change this short before the scan may be followed by another one that leaves the same stat: where times have fractions of a second
 * they are the kernel's ticks, else whole seconds (FAT has two). */
const fineTickNs = 20_000_000n
const coarseTickNs = 2_000_000_000n

/** Remembers what files hold by their whole stat fingerprint, so that an unchanged file is not read again. Paths are absolute.
 * A hit needs device, inode, size, mtime, ctime and mode to be equal, and the boot id where the device number is anonymous
 * (given out anew on each boot: overlay, FUSE, tmpfs). */
export class Memo implements MemoRules {
  readonly bootId: string
  private readonly stored = new Map<BinaryPath, Buffer>()
  private readonly open = new Map<BinaryPath, MemoDirectory>()
  private readonly nowNs: bigint

  constructor({ rows, bootId, now }: MemoOptions) {
    this.bootId = bootId
    this.nowNs = BigInt(now) * 1_000_000n
    const all = Buffer.from(rows.buffer, rows.byteOffset, rows.byteLength)
    for (let at = 0; at + 4 <= all.length; ) {
      const end = at + 4 + all.readUInt32LE(at)
      const row = all.subarray(at + 4, end)
      const directory = memoRowDirectory(row)
      if (directory !== undefined) this.stored.set(directory, row)
      at = end
    }
  }

  /** What is remembered of the entries of a directory. */
  directory(path: BinaryPath): MemoDirectory {
    let directory = this.open.get(path)
    if (directory === undefined) {
      directory = new MemoDirectory(this, path, this.stored.get(path))
      this.open.set(path, directory)
    }
    return directory
  }

  /** Files and other paths whose content had to be read. */
  get misses(): number {
    let sum = 0
    for (const { misses } of this.open.values()) sum += misses
    return sum
  }

  /** @param isGone whether a directory is no longer there */
  changes(isGone: (directory: BinaryPath) => boolean): MemoChanges {
    const opened = [...this.open.values()]
    const changed = opened.flatMap((directory) => directory.encode() ?? [])
    const removed = opened.some(({ lostDirectory }) => lostDirectory)
      ? [...this.stored.keys()].filter((path) => !this.open.has(path) && isGone(path))
      : []
    return { changed, removed }
  }

  isRacy({ mtimeNs, ctimeNs }: FileStats): boolean {
    const latest = mtimeNs > ctimeNs ? mtimeNs : ctimeNs
    const tick = ctimeNs % 1_000_000_000n === 0n ? coarseTickNs : fineTickNs
    return latest > this.nowNs - tick
  }
}

/** Packs rows as {@link MemoOptions} wants them, in memory that threads share. */
export function packRows(rows: readonly Uint8Array[]): Uint8Array {
  const size = rows.reduce((sum, row) => sum + 4 + row.length, 0)
  const packed = Buffer.from(new SharedArrayBuffer(size))
  let at = 0
  for (const row of rows) {
    at = packed.writeUInt32LE(row.length, at)
    packed.set(row, at)
    at += row.length
  }
  return packed
}
