import type { BinaryPath } from '../../files/binary-path.js'
import type { Xattrs } from '../../files/xattrs.js'

/** SHA-256 of a content, a character per byte. */
export type BinaryDigest = string

/** A part of a pack that files hold. */
export interface Content {
  readonly digest: BinaryDigest
  /** Never 0. */
  readonly size: number
  /** Which pack, and where in it, decompressed. */
  readonly pack: number
  readonly offset: number
}

interface Attributes {
  /** Relative to the mount's folder, which is '' itself. */
  readonly path: BinaryPath
  /** Permission bits. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtimeNs: bigint
  readonly xattrs: Xattrs
}

/** A path of a cache mount. There are no devices, fifos and sockets. */
export type TreeEntry =
  | (Attributes & { readonly kind: 'directory' })
  /** `content` counts {@link MountTree.contents}; `undefined` for an empty file. */
  | (Attributes & { readonly kind: 'file'; readonly content: number | undefined })
  | (Attributes & { readonly kind: 'symlink'; readonly target: BinaryPath })
  /** `to` is the path of a file that comes before it. */
  | { readonly kind: 'link'; readonly path: BinaryPath; readonly to: BinaryPath }

/** What an export has of a cache mount, but for the packs' bytes. */
export interface MountTree {
  /** Length of each pack, decompressed. */
  readonly packs: readonly number[]
  /** By pack and offset; none overlaps another. */
  readonly contents: readonly Content[]
  /** The folder itself, then what is in it: names in the order of their bytes, each directory followed by what it holds. */
  readonly entries: readonly TreeEntry[]
}

/** What an encoded tree may take at most: about a million paths. */
export const maxTreeBytes = 256 * 1024 * 1024

export const treeMagic = Buffer.from('tsbuild cache mount 1\n')

/** Codes of {@link TreeEntry}'s kinds. */
export const kindCodes = { directory: 0x64, file: 0x66, symlink: 0x6c, link: 0x68 } as const

/** Regular files (hard links once), and the sum of their sizes. */
export function countMounted({ entries, contents }: MountTree): { readonly files: number; readonly bytes: number } {
  let files = 0
  let bytes = 0
  for (const entry of entries) {
    if (entry.kind !== 'file') continue
    files++
    if (entry.content !== undefined) bytes += contents[entry.content]?.size ?? 0
  }
  return { files, bytes }
}
