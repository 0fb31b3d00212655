import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type BinaryPath, fsPath } from '../binary-path.js'
import { type FileStat, statFile } from '../files/stat.js'

/** What was true when a native snapshot's copy was complete; it tells at commit, without reading files, which of them are
 * untouched: those whose ctime is not later, in a directory that is still the one that was copied there. */
export interface Baseline {
  /** @param source the directory of the layer that was copied @param copy what stands there now */
  sameDirectory(source: FileStat, copy: FileStat): boolean
  isUntouched(copy: FileStat): boolean
}

const recordBytes = 16

/** Collects the inodes of directories while a tree is copied. */
export class BaselineRecorder {
  readonly #records: bigint[] = []

  add(source: FileStat, copy: FileStat): void {
    this.#records.push(source.inode, copy.inode)
  }

  /** Writes the baseline to `file`, once the clock of the file system is past the last change: at most some milliseconds. */
  save(file: BinaryPath): void {
    const completed = tick(`${file}.clock`, 0n)
    tick(`${file}.clock`, completed)
    const data = Buffer.alloc(8 + this.#records.length * 8)
    data.writeBigInt64LE(completed, 0)
    for (const [index, inode] of this.#records.entries()) data.writeBigUInt64LE(inode, 8 + index * 8)
    writeFileSync(fsPath(file), data)
  }
}

/** The ctime of a file that is made now, waiting until it is later than `after`. */
function tick(file: BinaryPath, after: bigint): bigint {
  const pause = new Int32Array(new SharedArrayBuffer(4))
  for (;;) {
    writeFileSync(fsPath(file), '')
    const now = statFile(file)?.ctimeNs ?? 0n
    rmSync(fsPath(file))
    if (now > after) return now
    Atomics.wait(pause, 0, 0, 1)
  }
}

export function readBaseline(file: BinaryPath): Baseline {
  const data = readFileSync(fsPath(file))
  const completed = data.readBigInt64LE(0)
  const copies = new Map<bigint, bigint>()
  for (let at = 8; at + recordBytes <= data.length; at += recordBytes) {
    copies.set(data.readBigUInt64LE(at), data.readBigUInt64LE(at + 8))
  }
  return {
    sameDirectory: (source, copy) => copies.get(source.inode) === copy.inode,
    isUntouched: (copy) => copy.ctimeNs <= completed,
  }
}
