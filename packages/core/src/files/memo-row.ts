import type { BinaryPath } from './binary-path.js'

/** What is remembered of a path besides its stat. */
export interface KnownContent {
  /** Holds a SHA-256, at `contentAt`: of a file's bytes or of a link's target; zeros where there is nothing of the kind. */
  readonly contentIn: Uint8Array
  readonly contentAt: number
  /** SHA-256 of the xattrs that reach a layer, when there are any. */
  readonly xattrs: Uint8Array | undefined
}

/** A row of the fingerprint memo: one directory. */
export interface MemoRow {
  /** Absolute path of the directory: the row's identity. */
  readonly directory: BinaryPath
  /** Boot id when it was written. */
  readonly bootId: string
  readonly names: readonly BinaryPath[]
  /** One after the other, each of {@link recordBytes}: fingerprint, content digest, digest of the xattrs (zeros for none). */
  readonly records: Buffer
}

/** Device, inode, size, mtime, ctime (nanoseconds), mode: 8 bytes each, in the machine's order. */
export const fingerprintBytes = 48
export const digestBytes = 32
export const recordBytes = fingerprintBytes + 2 * digestBytes

const format = 1
const headBytes = 1 + 4 * 4

/** Layout: format (1 byte); lengths of boot id, directory and names, number of entries (4 bytes each, little-endian); boot id,
 * directory, names (each with a 0 byte behind it), records. */
export function encodeMemoRow({ directory, bootId, names, records }: MemoRow): Uint8Array {
  const allNames = names.map((name) => `${name}\0`).join('')
  const texts = [bootId, directory, allNames]
  const head = Buffer.alloc(headBytes)
  head[0] = format
  for (const [index, text] of texts.entries()) head.writeUInt32LE(text.length, 1 + index * 4)
  head.writeUInt32LE(names.length, 13)
  return Buffer.concat([head, ...texts.map((text) => Buffer.from(text, 'latin1')), records])
}

/** Directory of an encoded row, without decoding the rest; `undefined` for another format. */
export function memoRowDirectory(row: Buffer): BinaryPath | undefined {
  if (row.length < headBytes || row[0] !== format) return undefined
  const start = headBytes + row.readUInt32LE(1)
  return row.toString('latin1', start, start + row.readUInt32LE(5))
}

/** `undefined` for another format or a damaged row. Records are a view of `row`. */
export function decodeMemoRow(row: Buffer): MemoRow | undefined {
  if (row.length < headBytes || row[0] !== format) return undefined
  let at = headBytes
  const text = (field: number) => {
    const start = at
    at += row.readUInt32LE(field)
    return row.toString('latin1', start, at)
  }
  const bootId = text(1)
  const directory = text(5)
  const names = text(9).split('\0')
  names.pop()
  const records = row.subarray(at)
  const count = row.readUInt32LE(13)
  if (names.length !== count || records.length !== count * recordBytes) return undefined
  return { directory, bootId, names, records }
}
