import { createHash } from 'node:crypto'
import { openDirectoryTree, openHost, type WorkerTask } from '@tsbuild/host'
import { hasCode } from '@tsbuild/spec'
import type { BinaryPath } from '../../files/binary-path.js'
import { decodeTree } from './decode-tree.js'
import { encodeTree } from './encode-tree.js'
import { invalid } from './errors.js'
import { encodeIndexBody, type Fingerprint, type FolderIndex, noFingerprint, readIndexFile } from './index-file.js'
import { isRacy, type KnownFile, KnownFiles } from './known-files.js'
import { OutputPieces, type PieceKind, pieceKinds } from './output-pieces.js'
import { planPacks } from './plan-packs.js'
import { keptXattrs, type ReadFile, readFile } from './read-files.js'
import { selectFiles, withoutFiles } from './select-files.js'
import { type BinaryDigest, countMounted, type MountTree, maxTreeBytes, type TreeEntry } from './tree.js'
import { type FoundFile, type FoundPath, walkFolder } from './walk-folder.js'
import { writePacks } from './write-packs.js'

export interface ExportInput {
  readonly folder: string
  readonly indexFile: string
  readonly maxBytes: number
  readonly bootId: string
  /** Where the previous export's tree is: remembered in the index file, in the task's input, or nowhere. */
  readonly previous: 'index' | 'input' | 'none'
  /** Whether the backend still has that tree. */
  readonly hasTree: boolean
  /** Whether it still has each pack. */
  readonly hasPacks: readonly boolean[]
}

/** Besides it, pieces come out: new packs; the tree, unless it is the previous one; what is to be remembered, unless it is. */
export interface ExportOutput {
  /** Which of the previous packs go on. */
  readonly kept: readonly number[]
  readonly entries: number
  readonly files: number
  readonly bytes: number
  readonly leftOut: number
  readonly changed: number
}

interface Previous {
  readonly tree: MountTree
  readonly encodedTree: Buffer
}

/** Reads a folder and puts out what an export of it needs. While it reads files, the folder is this thread's root: whatever links a
 * step that works in it makes meanwhile, none leads outside. */
export function exportTask(input: ExportInput, task: WorkerTask): ExportOutput {
  const index = readIndexFile(input.indexFile)
  const previous = previousOf(input, index, task)
  loadBeforeEntering()
  using folder = openDirectoryTree(input.folder)
  folder.enter()
  const nowNs = BigInt(Date.now()) * 1_000_000n
  const { device, paths: found } = walkFolder(task.throwIfAborted)
  const selected = selectFiles(found, input.maxBytes)
  const read = readAll(selected.paths, new KnownFiles(index, input.bootId, device), task)
  const output = new OutputPieces(task)
  const { tree, kept, changed, paths } = pack(read, previous?.tree, input.hasPacks, output, task)
  const encodedTree = encodeTree(tree)
  const entries = tree.entries.length - 1
  if (entries > 0) {
    const isNew = previous === undefined || !encodedTree.equals(previous.encodedTree)
    const seen = { bootId: input.bootId, device, encodedTree, fingerprints: fingerprintsOf(paths, read.files, nowNs) }
    if (isNew || !input.hasTree) putOut(output, pieceKinds.tree, [encodedTree])
    if (isNew || input.previous !== 'index' || !isRemembered(seen, index)) {
      putOut(output, pieceKinds.index, encodeIndexBody(seen))
    }
  }
  return { kept, entries, ...countMounted(tree), leftOut: selected.leftOut, changed: changed + read.changed }
}

/** Nothing may be loaded while another root is entered. */
function loadBeforeEntering(): void {
  openHost()
  createHash('sha256').digest()
}

function previousOf(
  { previous, hasPacks }: ExportInput,
  index: FolderIndex | undefined,
  task: WorkerTask,
): Previous | undefined {
  if (previous === 'none') return undefined
  if (previous === 'index') return index?.tree.packs.length === hasPacks.length ? index : undefined
  try {
    const encodedTree = readInput(task)
    const tree = decodeTree(encodedTree)
    return tree.packs.length === hasPacks.length ? { tree, encodedTree } : undefined
  } catch (error) {
    // As good as none: everything is sent again.
    if (hasCode(error, 'CACHE_INVALID')) return undefined
    throw error
  }
}

function readInput(task: WorkerTask): Buffer {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for (let chunk = task.readChunk(); chunk !== undefined; chunk = task.readChunk()) {
    bytes += chunk.length
    if (bytes > maxTreeBytes) throw invalid('read the list of a cache mount', 'it is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

interface ReadPaths {
  readonly paths: readonly FoundPath[]
  readonly files: ReadonlyMap<BinaryPath, ReadFile>
  readonly changed: number
}

function readAll(selected: readonly FoundPath[], known: KnownFiles, task: WorkerTask): ReadPaths {
  const files = new Map<BinaryPath, ReadFile>()
  const out = new Set<BinaryPath>()
  let changed = 0
  for (const path of selected) {
    if (path.kind !== 'file') continue
    task.throwIfAborted()
    const remembered = known.lookUp(path)
    const file = remembered === undefined ? readFile(path, task.throwIfAborted) : withKnown(path, remembered)
    if (typeof file === 'object') files.set(path.path, file)
    else out.add(path.path)
    if (file === 'changed') changed++
  }
  return { paths: withoutFiles(selected, out), files, changed }
}

function withKnown({ path, mode, stats }: FoundFile, { digest, xattrs }: KnownFile): ReadFile {
  return { kind: 'file', path, mode, stats, digest, xattrs }
}

function pack(
  { paths, files }: ReadPaths,
  previous: MountTree | undefined,
  hasPacks: readonly boolean[],
  output: OutputPieces,
  task: WorkerTask,
) {
  const wanted = new Set<BinaryDigest>()
  for (const { digest } of files.values()) if (digest !== undefined) wanted.add(digest)
  const plan = planPacks(previous, wanted, (at) => hasPacks[at] === true)
  const made = writePacks(plan.missing, files, plan.kept.length, output, task)
  const out = new Set([...files.values()].flatMap(({ path, digest = '' }) => (made.lost.has(digest) ? [path] : [])))
  const rest = withoutFiles(paths, out)
  const contents = [...plan.contents, ...made.contents]
  const at = new Map(contents.map(({ digest }, index) => [digest, index]))
  const entries: TreeEntry[] = []
  for (const path of rest) {
    const entry = entryOf(path, files, at)
    if (entry !== undefined) entries.push(entry)
  }
  const tree: MountTree = { packs: [...plan.lengths, ...made.lengths], contents, entries }
  return { tree, kept: plan.kept, changed: out.size, paths: rest }
}

function entryOf(
  found: FoundPath,
  files: ReadonlyMap<BinaryPath, ReadFile>,
  contents: ReadonlyMap<BinaryDigest, number>,
): TreeEntry | undefined {
  if (found.kind === 'link') return found
  const file = found.kind === 'file' ? files.get(found.path) : undefined
  const { path, mode, stats } = file ?? found
  const { uid, gid, mtimeNs } = stats
  switch (found.kind) {
    case 'directory':
      return { kind: 'directory', path, mode, uid, gid, mtimeNs, xattrs: xattrsOrNone(path) }
    case 'symlink':
      return { kind: 'symlink', path, mode, uid, gid, mtimeNs, xattrs: [], target: found.target }
    case 'file': {
      if (file === undefined) return undefined
      const content = file.digest === undefined ? undefined : contents.get(file.digest)
      return { kind: 'file', path, mode, uid, gid, mtimeNs, xattrs: file.xattrs, content }
    }
  }
}

function xattrsOrNone(path: BinaryPath) {
  try {
    return keptXattrs(path)
  } catch {
    // The directory is gone meanwhile; what is in it is, too.
    return []
  }
}

function fingerprintsOf(
  paths: readonly FoundPath[],
  files: ReadonlyMap<BinaryPath, ReadFile>,
  nowNs: bigint,
): Fingerprint[] {
  const out: Fingerprint[] = []
  for (const { kind, path } of paths) {
    const stats = kind === 'file' ? files.get(path)?.stats : undefined
    if (stats === undefined) continue
    out.push(isRacy(stats, nowNs) ? noFingerprint : { inode: stats.ino, ctimeNs: stats.ctimeNs })
  }
  return out
}

function isRemembered({ bootId, device, fingerprints }: Omit<FolderIndex, 'tree'>, index: FolderIndex | undefined) {
  return (
    index?.bootId === bootId &&
    index.device === device &&
    index.fingerprints.length === fingerprints.length &&
    fingerprints.every(({ inode, ctimeNs }, at) => {
      const before = index.fingerprints[at]
      return before?.inode === inode && before.ctimeNs === ctimeNs
    })
  )
}

function putOut(output: OutputPieces, kind: PieceKind, parts: Uint8Array[]): void {
  output.begin(kind)
  for (const part of parts) output.write(part)
  output.end()
}
