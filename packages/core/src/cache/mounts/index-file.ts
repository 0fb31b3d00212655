import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ByteReader } from './byte-reader.js'
import { ByteWriter } from './byte-writer.js'
import { decodeTree } from './decode-tree.js'
import type { MountTree } from './tree.js'

/** What an export remembers of a folder, in a file beside it, so that the next one reads only what changed. Its loss costs time only.
 *
 * Layout of the file: magic, digest of the tree's blob (32 bytes; as the backend has it), then the body: its SHA-256 (32 bytes),
 * boot id (length and text), device, encoded tree (length and bytes), and inode and ctime for each of its entries of kind `file`. */
const magic = Buffer.from('tsbuild cache mount index 1\n')
const digestBytes = 32
export const indexHeadBytes = magic.length + digestBytes

export interface FolderIndex {
  readonly bootId: string
  readonly device: bigint
  readonly tree: MountTree
  readonly encodedTree: Buffer
  readonly fingerprints: readonly Fingerprint[]
}

/** Besides size, mode and mtime, which the tree has; zeros where the file changed too recently to be known by them. */
export interface Fingerprint {
  readonly inode: bigint
  readonly ctimeNs: bigint
}

export const noFingerprint: Fingerprint = { inode: 0n, ctimeNs: 0n }

/** The head of an index file, by the digest of the tree's blob. */
export function encodeIndexHead(hex: string): Buffer {
  return Buffer.concat([magic, Buffer.from(hex, 'hex')])
}

/** Hex digits of the digest in a head; `undefined` for something else. */
export function decodeIndexHead(head: Uint8Array): string | undefined {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength)
  if (bytes.length !== indexHeadBytes || !bytes.subarray(0, magic.length).equals(magic)) return undefined
  return bytes.toString('hex', magic.length)
}

export function encodeIndexBody({ bootId, device, encodedTree, fingerprints }: Omit<FolderIndex, 'tree'>): Buffer[] {
  const writer = new ByteWriter()
  writer.number(bootId.length)
  writer.text(bootId)
  writer.long(BigInt.asIntN(64, device))
  writer.number(encodedTree.length)
  writer.raw(encodedTree)
  for (const { inode, ctimeNs } of fingerprints) {
    writer.long(BigInt.asIntN(64, inode))
    writer.long(ctimeNs)
  }
  return [hash('sha256', writer.bytes(), 'buffer'), writer.bytes()]
}

/** `undefined` where there is none, or it is damaged. */
export function readIndexFile(path: string): FolderIndex | undefined {
  try {
    const file = readFileSync(path)
    if (decodeIndexHead(file.subarray(0, indexHeadBytes)) === undefined) return undefined
    const body = file.subarray(indexHeadBytes + digestBytes)
    if (!hash('sha256', body, 'buffer').equals(file.subarray(indexHeadBytes, indexHeadBytes + digestBytes))) {
      return undefined
    }
    return decodeBody(new ByteReader(body))
  } catch {
    return undefined
  }
}

function decodeBody(reader: ByteReader): FolderIndex {
  const bootId = reader.text(reader.number())
  const device = BigInt.asUintN(64, reader.long())
  const encodedTree = reader.raw(reader.number())
  const tree = decodeTree(encodedTree)
  const fingerprints: Fingerprint[] = []
  for (const { kind } of tree.entries) {
    if (kind !== 'file') continue
    fingerprints.push({ inode: BigInt.asUintN(64, reader.long()), ctimeNs: reader.long() })
  }
  return { bootId, device, tree, encodedTree, fingerprints }
}
