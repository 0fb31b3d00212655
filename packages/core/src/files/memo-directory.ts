import type { BinaryPath } from './binary-path.js'
import { isDirectory } from './file-types.js'
import {
  decodeMemoRow,
  digestBytes,
  encodeMemoRow,
  fingerprintBytes,
  type KnownContent,
  recordBytes,
} from './memo-row.js'
import type { FileStats } from './source-tree.js'

/** What a directory's memo asks of the whole. */
export interface MemoRules {
  readonly bootId: string
  /** Whether a path changed so recently that its next change could go unseen. */
  isRacy(stats: FileStats): boolean
}

const scratch = new BigUint64Array(fingerprintBytes / 8)
const scratchBytes = Buffer.from(scratch.buffer)
const scratchWords = new Uint32Array(scratch.buffer)
const zeros = Buffer.alloc(digestBytes)

/** What is remembered of the entries of one directory. */
export class MemoDirectory {
  misses = 0
  /** Whether an entry that is gone was a directory. */
  lostDirectory = false
  private hits = 0
  private readonly memo: MemoRules
  private readonly path: BinaryPath
  private readonly records: Buffer
  /** The same bytes: comparing words is quicker than calling into the runtime. */
  private readonly words: Uint32Array
  /** Where the record of a name is: in `records`, or a new one. */
  private readonly entries = new Map<BinaryPath, number | Buffer>()
  /** Whether entries with anonymous devices are of this boot. */
  private readonly thisBoot: boolean
  private dirty = false

  constructor(memo: MemoRules, path: BinaryPath, row: Buffer | undefined) {
    const decoded = row && decodeMemoRow(row)
    this.memo = memo
    this.path = path
    const aligned = new Uint8Array(decoded?.records ?? zeros)
    this.records = Buffer.from(aligned.buffer)
    this.words = new Uint32Array(aligned.buffer)
    this.thisBoot = decoded === undefined || decoded.bootId === memo.bootId
    let at = 0
    for (const name of decoded?.names ?? []) {
      this.entries.set(name, at)
      at += recordBytes
    }
  }

  /** What is known of an entry that has this stat now. */
  lookUp(name: BinaryPath, stats: FileStats): KnownContent | undefined {
    const entry = this.entries.get(name)
    if (typeof entry === 'number' && this.matches(entry, stats)) {
      this.hits++
      return this.known(entry)
    }
    if (typeof entry === 'object') {
      writeFingerprint(stats)
      if (scratchBytes.compare(entry, 0, fingerprintBytes) === 0) return fresh(entry)
    }
    this.misses++
    return undefined
  }

  /** Remembers an entry, unless that is too early. */
  remember(name: BinaryPath, stats: FileStats, { contentIn, contentAt, xattrs }: KnownContent): void {
    if (this.memo.isRacy(stats)) return
    this.startWriting()
    writeFingerprint(stats)
    const content = contentIn.subarray(contentAt, contentAt + digestBytes)
    this.entries.set(name, Buffer.concat([scratchBytes, content, xattrs ?? zeros]))
    this.hits++
  }

  /** Whether fewer entries were looked up than are remembered. */
  mayHaveLost(): boolean {
    return this.hits < this.entries.size
  }

  /** Forgets what the directory no longer has. */
  keepOnly(names: readonly BinaryPath[]): void {
    const kept = new Set(names)
    for (const name of this.entries.keys()) {
      if (kept.has(name)) continue
      this.lostDirectory ||= isDirectory(this.record(name).readUInt32LE(fingerprintBytes - 8))
      this.startWriting()
      this.entries.delete(name)
    }
  }

  encode(): { directory: BinaryPath; row: Uint8Array } | undefined {
    if (!this.dirty) return undefined
    const names = [...this.entries.keys()]
    const records = Buffer.concat(names.map((name) => this.record(name)))
    return {
      directory: this.path,
      row: encodeMemoRow({ directory: this.path, bootId: this.memo.bootId, names, records }),
    }
  }

  private matches(at: number, stats: FileStats): boolean {
    writeFingerprint(stats)
    const start = at / 4
    for (let word = 0; word < scratchWords.length; word++) {
      if (scratchWords[word] !== this.words[start + word]) return false
    }
    return this.thisBoot || !isAnonymous(stats.dev)
  }

  private known(at: number): KnownContent {
    const contentAt = at + fingerprintBytes
    const xattrsAt = contentAt + digestBytes
    let word = xattrsAt / 4
    const end = word + digestBytes / 4
    while (word < end && this.words[word] === 0) word++
    const xattrs = word === end ? undefined : this.records.subarray(xattrsAt, xattrsAt + digestBytes)
    return { contentIn: this.records, contentAt, xattrs }
  }

  private record(name: BinaryPath): Buffer {
    const entry = this.entries.get(name)
    return typeof entry === 'number' ? this.records.subarray(entry, entry + recordBytes) : (entry ?? zeros)
  }

  /** The row will carry this boot's id, so what only another boot can vouch for goes first. */
  private startWriting(): void {
    if (this.dirty) return
    this.dirty = true
    if (this.thisBoot) return
    for (const name of this.entries.keys()) {
      if (isAnonymous(this.record(name).readBigUInt64LE())) this.entries.delete(name)
    }
  }
}

function fresh(record: Buffer): KnownContent {
  const xattrs = record.subarray(fingerprintBytes + digestBytes)
  return { contentIn: record, contentAt: fingerprintBytes, xattrs: xattrs.equals(zeros) ? undefined : xattrs }
}

function writeFingerprint({ dev, ino, size, mtimeNs, ctimeNs, mode }: FileStats): void {
  scratch[0] = dev
  scratch[1] = ino
  scratch[2] = size
  scratch[3] = mtimeNs
  scratch[4] = ctimeNs
  scratch[5] = mode
}

/** Device numbers with major 0 belong to no device. */
function isAnonymous(device: bigint): boolean {
  return ((device >> 8n) & 0xfffn) === 0n && device >> 44n === 0n
}
