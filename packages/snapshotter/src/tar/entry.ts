import type { BinaryPath } from '../binary-path.js'

export type TarEntryType = 'file' | 'hardlink' | 'symlink' | 'character-device' | 'block-device' | 'directory' | 'fifo'

/** One entry of a tar, decoded; strings hold one character per byte. */
export interface TarEntry {
  /** As the archive has it, for a directory without its last slashes. */
  readonly name: BinaryPath
  readonly type: TarEntryType
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Bytes of content; 0 for all but files. */
  readonly size: number
  /** Nanoseconds since the epoch, possibly negative. */
  readonly mtimeNs: bigint
  /** Target of a link; '' for the rest. */
  readonly linkName: BinaryPath
  readonly deviceMajor: number
  readonly deviceMinor: number
  /** By name, values byte for byte. */
  readonly xattrs: ReadonlyMap<string, Buffer>
}

export const blockSize = 512

/** Bytes of zeros that bring `size` to a whole number of blocks. */
export function padding(size: number): number {
  return (blockSize - (size % blockSize)) % blockSize
}
