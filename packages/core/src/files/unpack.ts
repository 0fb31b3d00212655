import { createHash, type Hash } from 'node:crypto'
import { fstatSync, statSync } from 'node:fs'
import { enterHostRoot, type Tree } from '@tsbuild/host'
import { type Archive, archiveError } from './archive.js'
import { type BinaryPath, toText } from './binary-path.js'
import { chunkBytes, read } from './read-content.js'
import type { Owner } from './users.js'

export interface UnpackOptions {
  readonly target: Tree
  /** Existing directory of the target, links resolved: the root for all of the archive's links. */
  readonly directory: BinaryPath
  /** The archive's file, and its name for messages. */
  readonly fd: number
  readonly name: string
  /** Owner of everything; `undefined`: as the archive says. */
  readonly owner: Owner | undefined
  readonly throwIfAborted: () => void
  readonly onBytes: (count: number, total: number) => void
}

/** Unpacks an archive into a directory of the target; SHA-256 of the archive's bytes, for the cache key. The thread is in the target only
 * while a piece is written, since decompressing loads code and starts threads; it ends in the host's root.
 * @throws {CoreError} `ARCHIVE_INVALID` */
export async function unpackArchive(archive: Archive, options: UnpackOptions): Promise<Uint8Array> {
  const { target, directory, fd, name, owner, throwIfAborted, onBytes } = options
  enterHostRoot()
  const { createTarExtractor } = await import('@tsbuild/snapshotter')
  const hash = createHash('sha256')
  const { size } = fstatSync(fd)
  let rawBytes = 0
  using extractor = createTarExtractor({
    directory: `/${toText(directory)}`,
    followDirectoryLinks: true,
    // The directory itself stays as it is, whatever the archive's own root is like.
    onEntry: (_entry, path) => (path === '' ? attributesOf(directory) : owner),
  })
  const inTarget = (action: () => void) => {
    target.enter()
    try {
      action()
    } finally {
      enterHostRoot()
    }
  }
  const write = (chunk: Uint8Array) => {
    throwIfAborted()
    inTarget(() => extractor.write(chunk))
  }
  const onRaw = (chunk: Uint8Array) => {
    hash.update(chunk)
    rawBytes += chunk.length
    onBytes(chunk.length, size)
  }
  try {
    await archive.read(write, onRaw)
    inTarget(() => extractor.end())
  } catch (error) {
    throw archiveError(name, error)
  }
  hashRest(fd, rawBytes, hash)
  return hash.digest()
}

function attributesOf(directory: BinaryPath) {
  const { mode, uid, gid, mtimeNs } = statSync(Buffer.from(`/${directory}`, 'latin1'), { bigint: true })
  return { mode: Number(mode) & 0o7777, uid: Number(uid), gid: Number(gid), mtimeNs }
}

/** What stands behind the compressed stream counts as content of the file, too. */
function hashRest(fd: number, from: number, hash: Hash): void {
  const buffer = Buffer.allocUnsafe(chunkBytes)
  for (let position = from; ; ) {
    const count = read(fd, '', buffer, 0, position)
    if (count === 0) return
    hash.update(buffer.subarray(0, count))
    position += count
  }
}
