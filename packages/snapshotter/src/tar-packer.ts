import { hasErrno } from '@tsbuild/host'
import { type BinaryPath, joinPath, toBinary } from './binary-path.js'
import { readNames } from './files/names.js'
import { statFile } from './files/stat.js'
import { EntryPacker } from './pack/pack-tree.js'
import { TarOutput } from './pack/tar-output.js'

export interface TarPackerOptions {
  /** What to pack: a path as the calling thread sees it. A link is packed as a link. */
  readonly path: string
  /** Name of its entry; those of what is in it begin so. */
  readonly name: string
  /** Gets the tar in chunks of about 1 MiB, which are its own from then on. */
  readonly onChunk: (chunk: Buffer) => void
}

const chunkBytes = 1 << 20

/** Packs a file, or a directory with all that is in it, synchronously, on the calling thread: for copies out of trees that are in use. What
 * goes away meanwhile is left out; a file that changes is packed with the size that it had. All attributes are kept. */
export function packTree({ path, name, onChunk }: TarPackerOptions): void {
  const out = new TarOutput({ next: () => Buffer.allocUnsafeSlow(chunkBytes), take: onChunk }, { lenient: true })
  const packer = new EntryPacker(out, undefined)
  pack(toBinary(path), toBinary(name))
  out.end()

  function pack(at: BinaryPath, as: BinaryPath): void {
    const stat = statFile(at)
    if (stat === undefined) return
    packer.pack(at, as, stat)
    if (stat.type !== 'directory') return
    for (const child of namesIn(at)) pack(joinPath(at, child), joinPath(as, child))
  }
}

function namesIn(directory: BinaryPath): BinaryPath[] {
  try {
    return readNames(directory)
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}
