import { type BinaryPath, baseName } from './binary-path.js'
import { type FileType, fileType, isRegular } from './file-types.js'
import type { MemoDirectory } from './memo-directory.js'
import type { KnownContent } from './memo-row.js'
import { hashFile, noContent, sha256 } from './read-content.js'
import type { SourceTree } from './source-tree.js'
import { noOwner, type HashedPath as PathShape } from './tree-hasher.js'
import type { WalkedPath } from './walk.js'
import { digestXattrs, readXattrs } from './xattrs.js'

/** Finds hard links within one copy, and leaves out what does not reach the layer. */
export class ShapeReader {
  private readonly links = new Map<string, BinaryPath>()
  private readonly owners: boolean

  /** @param owners whether owners are copied */
  constructor(owners: boolean) {
    this.owners = owners
  }

  read({ relative, stat: { mode, stats } }: WalkedPath): PathShape {
    const type = fileType(mode)
    const regular = isRegular(mode)
    const isDevice = type === 'character-device' || type === 'block-device'
    // What the root of a context looks like depends on who checked it out, and nothing of it is copied.
    const bare = relative === '' && type === 'directory' && !this.owners
    return {
      type,
      relative,
      mode: type === 'symlink' || bare ? 0 : mode,
      size: regular ? Number(stats.size) : 0,
      device: isDevice ? Number(stats.rdev) : 0,
      linkTo: regular && stats.nlink > 1n ? this.linkTo(`${stats.dev}:${stats.ino}`, relative) : undefined,
      uid: this.owners ? Number(stats.uid) : noOwner,
      gid: this.owners ? Number(stats.gid) : noOwner,
    }
  }

  private linkTo(identity: string, relative: BinaryPath): BinaryPath | undefined {
    const first = this.links.get(identity)
    if (first === undefined) this.links.set(identity, relative)
    return first
  }
}

/** Content and xattrs of a path: from the memo where its stat is as remembered, else from the disk. */
export function readKnown(
  tree: SourceTree,
  { path, stat }: WalkedPath,
  memo: MemoDirectory | undefined,
  checkAbort: () => void,
): KnownContent {
  const name = baseName(path)
  const remembered = memo?.lookUp(name, stat.stats)
  if (remembered !== undefined) return remembered
  const known = {
    contentIn: readDigest(tree, path, stat.mode, checkAbort),
    contentAt: 0,
    xattrs: digestXattrs(readXattrs(tree.at(path))),
  }
  memo?.remember(name, stat.stats, known)
  return known
}

function readDigest(tree: SourceTree, path: BinaryPath, mode: number, checkAbort: () => void): Uint8Array {
  if (isRegular(mode)) return hashFile(tree, path, checkAbort).digest
  const type: FileType = fileType(mode)
  return type === 'symlink' ? sha256(Buffer.from(tree.readLink(path), 'latin1')) : noContent
}
