import { type BigIntStats, statSync } from 'node:fs'
import { openDirectoryTree, openMountTree, type Tree, type WorkerTask } from '@tsbuild/host'
import { createTarExtractor, type EntryOverride, packTree, type TarEntry } from '@tsbuild/snapshotter'
import { hasCode, type Mount, type ProcessIdentity } from '@tsbuild/spec'
import { CoreError } from '../errors.js'
import {
  type BinaryPath,
  baseName,
  fsPath,
  joinPath,
  parentPath,
  showPath,
  toBinary,
  toText,
} from '../files/binary-path.js'
import { resolvePath } from '../files/resolve-path.js'
import { target as tree } from '../files/target-tree.js'
import { isRunning } from './running-process.js'

/** A tree of files that becomes the worker's root, so that no link leads out of it. */
export type FilesPlace =
  | { readonly kind: 'mount'; readonly mount: Mount }
  /** What a process sees, with its mounts. */
  | { readonly kind: 'process'; readonly process: ProcessIdentity }
  /** A directory of the host. */
  | { readonly kind: 'directory'; readonly path: string }

export interface LookInput {
  readonly place: FilesPlace
  readonly path: string
  /** Whether the last part is followed where it is a link; the parts before are. */
  readonly follow: boolean
}

/** What stands at a path. */
export interface PathInfo {
  /** Where it really is: relative to the root, without links, one character a byte. */
  readonly path: string
  readonly type: 'missing' | 'directory' | 'other'
  /** Whether the directory is there that it is in. */
  readonly hasParent: boolean
}

export function look({ place, path, follow }: LookInput): PathInfo {
  using _root = enter(place)
  const found = find(toBinary(path), follow)
  const stat = tree.stats(found)
  const parent = tree.stats(parentPath(found))
  return {
    path: found,
    type: stat === undefined ? 'missing' : stat.isDirectory() ? 'directory' : 'other',
    hasParent: parent?.isDirectory() === true,
  }
}

function find(path: BinaryPath, follow: boolean): BinaryPath {
  if (follow || /(^|\/)\.{0,2}$/.test(path)) return resolvePath(tree, path)
  return joinPath(resolvePath(tree, parentPath(path)), baseName(path))
}

export interface PackInput {
  readonly place: FilesPlace
  /** As `PathInfo` has it. */
  readonly path: string
  readonly name: string
}

export function pack({ place, path, name }: PackInput, task: WorkerTask): null {
  using _root = enter(place)
  if (tree.stats(path) === undefined) throw missing(path)
  packTree({ path: `/${toText(path)}`, name, onChunk: (chunk) => task.writeChunk(chunk) })
  return null
}

export interface UnpackInput {
  readonly place: FilesPlace
  /** A directory, as `PathInfo` has it. */
  readonly path: string
  /** Owner of everything; otherwise as the tar says. */
  readonly owner?: { readonly uid: number; readonly gid: number }
}

/** Unpacks the task's input; a directory never replaces something else, nor the other way round. */
export function unpack({ place, path, owner }: UnpackInput, task: WorkerTask): { readonly bytes: number } {
  using _root = enter(place)
  const own = attributesOf(path)
  const outside = place.kind === 'directory' ? place.path.replace(/\/$/, '') : ''
  using extractor = createTarExtractor({
    directory: `/${toText(path)}`,
    followDirectoryLinks: true,
    onEntry: (entry, at) => {
      if (at === '') return own
      const override = check(entry, joinPath(path, at), { outside, owner })
      // What a container made must not gain by its new owner on the host.
      return override === undefined || place.kind !== 'directory'
        ? override
        : { ...override, mode: harmlessMode(entry) }
    },
  })
  let bytes = 0
  try {
    for (let chunk = task.readChunk(); chunk !== undefined; chunk = task.readChunk()) {
      extractor.write(chunk)
      bytes += chunk.length
    }
    extractor.end()
  } catch (error) {
    if (!hasCode(error, 'LAYER_INVALID')) throw error
    const message = error.message.replace(/^Cannot [^:]*: /, '')
    throw new CoreError('ARCHIVE_INVALID', `Cannot copy: the tar is not valid: ${message}`, { cause: error })
  }
  return { bytes }
}

/** No program runs as its new owner, and nobody else opens a device. */
function harmlessMode({ type, mode }: TarEntry): number {
  return mode & (type === 'character-device' || type === 'block-device' ? 0o600 : 0o1777)
}

/** Of a directory that stays as it is. */
function attributesOf(path: BinaryPath): EntryOverride {
  const { mode, uid, gid, mtimeNs } = statSync(fsPath(`/${path}`), { bigint: true })
  return { mode: Number(mode) & 0o7777, uid: Number(uid), gid: Number(gid), mtimeNs }
}

interface CheckOptions {
  /** Path of the root on the host, for messages. */
  readonly outside: string
  readonly owner: UnpackInput['owner']
}

function check(entry: TarEntry, path: BinaryPath, { outside, owner }: CheckOptions): EntryOverride | undefined {
  const before: BigIntStats | undefined = tree.stats(path)
  const isDirectory = entry.type === 'directory'
  if (before === undefined || before.isDirectory() === isDirectory) return owner
  if (isDirectory && before.isSymbolicLink() && leadsToDirectory(path)) return owner
  const state = isDirectory ? 'it is not a directory, but the source is' : 'it is a directory, but the source is not'
  throw new CoreError('COPY_INVALID', `Cannot overwrite "${outside}${showPath(path)}": ${state}`)
}

function leadsToDirectory(path: BinaryPath): boolean {
  return tree.stats(resolvePath(tree, path))?.isDirectory() === true
}

export function missing(path: BinaryPath): CoreError {
  return new CoreError('COPY_SOURCE_NOT_FOUND', `Cannot copy "${showPath(path)}": there is no such file`)
}

function enter(place: FilesPlace): Disposable {
  const opened = open(place)
  opened.enter()
  return opened
}

function open(place: FilesPlace): Tree {
  if (place.kind === 'mount') return openMountTree(place.mount)
  if (place.kind === 'directory') return openDirectoryTree(place.path)
  const { process } = place
  const gone = (cause?: unknown) =>
    new CoreError('CONTAINER_NOT_RUNNING', 'Cannot reach the files of the container: it has just ended', { cause })
  let opened: Tree
  try {
    opened = openDirectoryTree(`/proc/${process.pid}/root`)
  } catch (error) {
    throw gone(error)
  }
  // The id may belong to another process by now.
  if (isRunning(process)) return opened
  opened[Symbol.dispose]()
  throw gone()
}
