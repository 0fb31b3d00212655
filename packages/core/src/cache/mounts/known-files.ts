import type { BinaryPath } from '../../files/binary-path.js'
import type { Xattrs } from '../../files/xattrs.js'
import type { FolderIndex } from './index-file.js'
import type { BinaryDigest, TreeEntry } from './tree.js'
import type { FoundFile } from './walk-folder.js'

/** What is remembered of a file that has not changed since. */
export interface KnownFile {
  /** `undefined` for an empty file. */
  readonly digest: BinaryDigest | undefined
  readonly xattrs: Xattrs
}

/** Files as the last export found them. A hit needs device, inode, size, mode, mtime and ctime to be equal, and the boot id where
 * device numbers are given out anew on each boot. */
export class KnownFiles {
  readonly #index: FolderIndex | undefined
  /** Position among the entries, and among the fingerprints. */
  readonly #byPath = new Map<BinaryPath, readonly [entry: number, file: number]>()

  constructor(index: FolderIndex | undefined, bootId: string, device: bigint) {
    const usable = index?.device === device && (index.bootId === bootId || !isAnonymous(device))
    this.#index = usable ? index : undefined
    let files = 0
    for (const [at, { kind, path }] of this.#index?.tree.entries.entries() ?? []) {
      if (kind === 'file') this.#byPath.set(path, [at, files++])
    }
  }

  lookUp({ path, mode, stats }: FoundFile): KnownFile | undefined {
    const at = this.#byPath.get(path)
    if (this.#index === undefined || at === undefined) return undefined
    const { tree, fingerprints } = this.#index
    const entry = tree.entries[at[0]] as TreeEntry & { kind: 'file' }
    const fingerprint = fingerprints[at[1]]
    const content = entry.content === undefined ? undefined : tree.contents[entry.content]
    const same =
      fingerprint?.ctimeNs === stats.ctimeNs &&
      fingerprint.inode === stats.ino &&
      entry.mtimeNs === stats.mtimeNs &&
      entry.mode === mode &&
      (content?.size ?? 0) === stats.size
    return same ? { digest: content?.digest, xattrs: entry.xattrs } : undefined
  }
}

/** Device numbers with major 0 belong to no device. */
function isAnonymous(device: bigint): boolean {
  return ((device >> 8n) & 0xfffn) === 0n && device >> 44n === 0n
}

/** A change this short before the scan may be followed by another one that leaves the same stat: where times have fractions of a second
 * they are the kernel's ticks, else whole seconds (FAT has two). */
const fineTickNs = 20_000_000n
const coarseTickNs = 2_000_000_000n

/** Whether a file may change once more without a trace. */
export function isRacy({ mtimeNs, ctimeNs }: FoundFile['stats'], nowNs: bigint): boolean {
  const latest = mtimeNs > ctimeNs ? mtimeNs : ctimeNs
  const tick = ctimeNs % 1_000_000_000n === 0n ? coarseTickNs : fineTickNs
  return latest > nowNs - tick
}
