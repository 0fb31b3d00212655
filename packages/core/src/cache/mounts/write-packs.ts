import type { WorkerTask } from '@tsbuild/host'
import type { BinaryPath } from '../../files/binary-path.js'
import { type OutputPieces, pieceKinds } from './output-pieces.js'
import { packBytes } from './plan-packs.js'
import { type ReadFile, readContent } from './read-files.js'
import type { BinaryDigest, Content } from './tree.js'

const progressMs = 200

export interface WrittenPacks {
  readonly lengths: readonly number[]
  readonly contents: readonly Content[]
  /** Contents that no file has any more. */
  readonly lost: ReadonlySet<BinaryDigest>
}

/** Writes contents into new packs. What turns out to be another content is passed over, at worst as bytes without use.
 * @param first how many packs come before the new ones */
export function writePacks(
  missing: readonly BinaryDigest[],
  files: ReadonlyMap<BinaryPath, ReadFile>,
  first: number,
  output: OutputPieces,
  task: WorkerTask,
): WrittenPacks {
  const holders = holdersOf(missing, files)
  const packs = new PackWriter(output, first, task)
  packs.total = missing.reduce((sum, digest) => sum + sizeOf(holders.get(digest)?.[0]), 0)
  const contents: Content[] = []
  const lost = new Set<BinaryDigest>()
  for (const digest of missing) {
    task.throwIfAborted()
    const content = packs.add(digest, holders.get(digest) ?? [])
    if (content === undefined) lost.add(digest)
    else contents.push(content)
  }
  packs.end()
  return { lengths: packs.lengths, contents, lost }
}

function holdersOf(missing: readonly BinaryDigest[], files: ReadonlyMap<BinaryPath, ReadFile>) {
  const holders = new Map<BinaryDigest, ReadFile[]>(missing.map((digest) => [digest, []]))
  for (const file of files.values()) if (file.digest !== undefined) holders.get(file.digest)?.push(file)
  return holders
}

function sizeOf(file: ReadFile | undefined): number {
  return file?.stats.size ?? 0
}

class PackWriter {
  readonly lengths: number[] = []
  total = 0
  readonly #output: OutputPieces
  readonly #first: number
  readonly #task: WorkerTask
  /** Of the open pack; `undefined` when there is none. */
  #length: number | undefined
  #written = 0
  #toldAt = 0

  constructor(output: OutputPieces, first: number, task: WorkerTask) {
    this.#output = output
    this.#first = first
    this.#task = task
  }

  add(digest: BinaryDigest, holders: readonly ReadFile[]): Content | undefined {
    for (const file of holders) {
      const size = sizeOf(file)
      const offset = this.#makeRoom(size)
      const isThis = readContent(file.path, { digest, size }, (bytes) => this.#write(bytes))
      if (isThis) return { digest, size, pack: this.#first + this.lengths.length, offset }
    }
    return undefined
  }

  end(): void {
    if (this.#length === undefined) return
    this.#output.end()
    this.lengths.push(this.#length)
    this.#length = undefined
  }

  /** @returns where in the open pack the next bytes go */
  #makeRoom(size: number): number {
    if (this.#length !== undefined && this.#length + size > packBytes) this.end()
    return this.#length ?? 0
  }

  #write(bytes: Uint8Array): void {
    this.#task.throwIfAborted()
    if (this.#length === undefined) this.#output.begin(pieceKinds.pack)
    this.#output.write(bytes)
    this.#length = (this.#length ?? 0) + bytes.length
    this.#written += bytes.length
    const now = Date.now()
    if (now - this.#toldAt < progressMs && this.#written < this.total) return
    this.#toldAt = now
    this.#task.post({ bytes: this.#written, total: this.total })
  }
}
