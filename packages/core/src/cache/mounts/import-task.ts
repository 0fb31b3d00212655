import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { hasErrno, openDirectoryTree, openHost, RENAME_NOREPLACE, type WorkerTask } from '@tsbuild/host'
import { faultPoint } from '@tsbuild/spec'
import { decodeTree } from './decode-tree.js'
import { invalid } from './errors.js'
import { InputPieces } from './input-pieces.js'
import { RestoredTree } from './restore-tree.js'
import { countMounted, type MountTree, maxTreeBytes } from './tree.js'

export interface ImportInput {
  readonly folder: string
  /** An empty folder on the same file system. */
  readonly aside: string
  /** What the record says. */
  readonly files: number
  readonly bytes: number
  readonly packs: number
  readonly maxBytes: number
}

/** Packs may hold so many times what files do. */
const maxWaste = 4
const progressMs = 200

/** Makes a folder of a tree and packs, which are the task's input. While it writes, the new folder is this thread's root, so that no
 * path leads outside.
 * @returns whether the folder is the new one: not so where there is one already */
export function importTask(input: ImportInput, task: WorkerTask): boolean {
  const pieces = new InputPieces(task)
  const tree = readTree(input, pieces)
  const place = join(input.aside, 'tree')
  mkdirSync(place, 0o700)
  loadBeforeEntering()
  {
    using root = openDirectoryTree(place)
    root.enter()
    const restored = new RestoredTree(tree)
    restored.makeDirectories()
    readPacks(tree, restored, pieces, task)
    restored.finish()
  }
  task.throwIfAborted()
  faultPoint('cache-mount.import.before')
  const isPlaced = movedTo(place, input.folder)
  faultPoint('cache-mount.import.after')
  return isPlaced
}

/** Nothing may be loaded while another root is entered. */
function loadBeforeEntering(): void {
  openHost()
  createHash('sha256').digest()
}

function readTree({ files, bytes, packs, maxBytes }: ImportInput, pieces: InputPieces): MountTree {
  const chunks: Uint8Array[] = []
  let size = 0
  for (let chunk = pieces.read(maxTreeBytes); chunk !== undefined; chunk = pieces.read(maxTreeBytes)) {
    size += chunk.length
    if (size > maxTreeBytes) throw odd('its list is too large')
    chunks.push(chunk)
  }
  const tree = decodeTree(Buffer.concat(chunks))
  const found = countMounted(tree)
  if (found.files !== files || found.bytes !== bytes || tree.packs.length !== packs) {
    throw odd('its list is not what its record says')
  }
  if (bytes > maxBytes) throw odd(`it has ${bytes} bytes, more than ${maxBytes}`)
  const packed = tree.packs.reduce((sum, length) => sum + length, 0)
  if (packed > maxWaste * maxBytes) throw odd('its packs are too large')
  return tree
}

function readPacks(tree: MountTree, restored: RestoredTree, pieces: InputPieces, task: WorkerTask): void {
  const total = tree.packs.reduce((sum, length) => sum + length, 0)
  let done = 0
  let toldAt = 0
  const take = (most: number): Uint8Array => {
    task.throwIfAborted()
    const bytes = pieces.read(most)
    if (bytes === undefined) throw odd('a pack ends too early')
    done += bytes.length
    const now = Date.now()
    if (now - toldAt >= progressMs || done === total) task.post({ bytes: done, total })
    if (now - toldAt >= progressMs) toldAt = now
    return bytes
  }
  let next = 0
  for (const [pack, length] of tree.packs.entries()) {
    let at = 0
    const skipTo = (offset: number) => {
      while (at < offset) at += take(offset - at).length
    }
    for (let content = tree.contents[next]; content?.pack === pack; content = tree.contents[++next]) {
      skipTo(content.offset)
      restored.writeContent(next, content, take)
      at += content.size
    }
    skipTo(length)
    if (pieces.read(1) !== undefined) throw odd('a pack is longer than it should be')
  }
}

/** Never takes the place of another folder: a step may work in it. */
function movedTo(from: string, to: string): boolean {
  try {
    openHost().renameat2(from, to, RENAME_NOREPLACE)
    return true
  } catch (error) {
    if (hasErrno(error, 'EEXIST', 'ENOTEMPTY')) return false
    // A file system that can't promise it.
    if (!hasErrno(error, 'EINVAL', 'ENOSYS')) throw error
    if (lstatSync(to, { throwIfNoEntry: false }) !== undefined) return false
    renameSync(from, to)
    return true
  }
}

function odd(why: string) {
  return invalid('import a cache mount', why)
}
