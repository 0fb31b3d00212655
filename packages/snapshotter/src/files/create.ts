import { chmodSync, constants, copyFileSync, mkdirSync, symlinkSync } from 'node:fs'
import { openHost } from '@tsbuild/host'
import { type BinaryPath, fsPath } from '../binary-path.js'
import { readTarget } from './names.js'
import { pinFile } from './pinned.js'
import type { FileStat, FileType } from './stat.js'
import { readXattrs, writeXattrs, type Xattrs } from './xattrs.js'

/** What is set on an entry after it was made. */
export type Attributes = Pick<FileStat, 'type' | 'mode' | 'uid' | 'gid' | 'mtimeNs'> & { readonly xattrs: Xattrs }

/** Sets owner, mode, xattrs and times, in the order in which none undoes another (changing the owner clears setuid and
 * capabilities). Links are not followed. Access time becomes the modification time, so that no time of day stays. */
export function setAttributes(path: BinaryPath, { type, mode, uid, gid, mtimeNs, xattrs }: Attributes): void {
  const host = openHost()
  const target = fsPath(path)
  host.lchown(target, uid, gid)
  if (type !== 'symlink') chmodSync(target, mode)
  if (xattrs.size > 0) writeXattrs(path, xattrs)
  host.utimens(target, mtimeNs, mtimeNs)
}

const nodeTypes: Partial<Record<FileType, number>> = {
  'character-device': 0o020000,
  'block-device': 0o060000,
  fifo: 0o010000,
}

/** Makes a device or fifo, owned by us, mode 0600. */
export function makeNode(path: BinaryPath, type: FileType, major: number, minor: number): void {
  openHost().mknod(fsPath(path), (nodeTypes[type] ?? 0) | 0o600, major, minor)
}

/** Copies one entry with all its attributes; of a directory only itself, for `finishDirectory` to complete. Blocks are shared
 * where the file system can. Sockets are passed over: nobody would listen. The source may be in use: its links are never followed, and
 * nothing was made when this throws because of it.
 * @throws `ENOENT`; {@link SnapshotError} `SNAPSHOT_CHANGED` where the source is not what `stat` says any more */
export function copyEntry(source: BinaryPath, stat: FileStat, target: BinaryPath): void {
  if (stat.type === 'socket' || stat.type === 'whiteout') return
  if (stat.type === 'directory') return void mkdirSync(fsPath(target), 0o700)
  const xattrs = readXattrs(source)
  if (stat.type === 'file') {
    using file = pinFile(source, stat)
    copyFileSync(file.path, fsPath(target), constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  } else if (stat.type === 'symlink') {
    symlinkSync(Buffer.from(readTarget(source), 'latin1'), fsPath(target))
  } else {
    makeNode(target, stat.type, stat.deviceMajor, stat.deviceMinor)
  }
  setAttributes(target, { ...stat, xattrs })
}

/** Gives a copied directory its attributes: once all in it is there, since that changes its mtime. */
export function finishDirectory(source: BinaryPath, stat: FileStat, target: BinaryPath): void {
  setAttributes(target, { ...stat, xattrs: readXattrs(source) })
}
