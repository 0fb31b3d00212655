import { open, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { currentBootId } from '@tsbuild/host'
import {
  type ByteStream,
  type CacheBackend,
  type CallOptions,
  type Descriptor,
  type Digest,
  digestHex,
  faultPoint,
  type KeyLocks,
  type OnProgress,
} from '@tsbuild/spec'
import { createMountsPool } from '../../mounts-pool.js'
import { openAside } from './aside.js'
import { compressInto, decompressBlob, Uploads } from './blob-files.js'
import type { ExportInput, ExportOutput } from './export-task.js'
import { decodeIndexHead, encodeIndexHead, indexHeadBytes } from './index-file.js'
import { defaultMaxMountBytes, type MountExport, packMediaType, treeMediaType } from './mount-export.js'
import { type PieceKind, pieceKinds, takePieces } from './output-pieces.js'

/** A cache mount as it lies here, and what was exported of it last. */
export interface MountFolder {
  /** Absolute path. What exports remember of it lies beside it, in `<folder>.index`. */
  readonly folder: string
  readonly name: string
  readonly id: string
  /** From the record that the backend has; its blobs may be gone. */
  readonly previous?: MountExport
  /** Default {@link defaultMaxMountBytes}. */
  readonly maxBytes?: number
}

export interface ExportMountOptions extends CallOptions {
  /** Bytes of contents read for new packs, of those to be read. */
  readonly onProgress?: OnProgress
  /** Held while files are read: `mount-<name>` for a `locked` mount, `mount-<name>-0` for a `private` one. */
  readonly lock?: { readonly locks: KeyLocks; readonly name: string }
  /** Where the worker entry files lie, for bundled programs. */
  readonly workerDir?: string
}

export interface ExportedMount {
  readonly mount: MountExport
  /** Files beyond `maxBytes`, those used longest ago. */
  readonly leftOut: number
  /** Files that did not hold still while they were read; they are left out, too. */
  readonly changed: number
  /** Of blobs that were put. */
  readonly sentBytes: number
}

/** How many packs wait on the disk to be sent, unless a lock is held meanwhile. */
const packsAtOnce = 2

/** Sends a cache mount's folder, or what of it the backend lacks. A file that is not as it was last time is hashed, and new contents
 * go into new packs of about 64 MiB; while nothing has changed, only `has` is asked.
 * `undefined` where there is no such folder, or nothing in it.
 * @throws {CoreError} `CACHE_INVALID` for one with more paths than an export can have; errors of the backend pass through */
export async function exportMount(
  mount: MountFolder,
  backend: CacheBackend,
  options: ExportMountOptions = {},
): Promise<ExportedMount | undefined> {
  const { folder, name, id, previous } = mount
  const { signal, workerDir } = options
  signal?.throwIfAborted()
  if (!(await isDirectory(folder))) return undefined
  const there = await blobsThere(previous, backend, options)
  await using pool = createMountsPool(workerDir)
  await using aside = await openAside(folder, pool)
  await using uploads = new Uploads(
    backend,
    options.lock === undefined ? packsAtOnce : Number.POSITIVE_INFINITY,
    signal,
  )
  const input = await inputOf(mount, there)
  const made = new MadeBlobs(aside.path, uploads, previous?.tree)
  const source =
    previous === undefined || input.previous !== 'input' ? undefined : new Source(backend, previous, signal)
  const read = () =>
    takePieces(
      pool.stream<ExportOutput>('export', input, {
        onMessage: (message) => tell(message, options.onProgress),
        ...(signal === undefined ? {} : { signal }),
        ...(source === undefined ? {} : { source: source.bytes() }),
      }),
      (kind, bytes) => made.take(kind, bytes),
    ).catch((error) => {
      throw source?.failure?.error ?? error
    })
  const output = await locked(options, read)
  await uploads.settled()
  if (output.entries === 0) return undefined
  await made.keepIndex(input.indexFile)
  const { kept, files, bytes, leftOut, changed } = output
  const packs = [...kept.flatMap((at) => previous?.packs[at] ?? []), ...made.packs]
  return {
    mount: { name, id, files, bytes, tree: made.treeBlob(), packs },
    leftOut,
    changed,
    sentBytes: uploads.sentBytes,
  }
}

async function locked<T>({ lock, signal }: ExportMountOptions, action: () => Promise<T>): Promise<T> {
  if (lock === undefined) return action()
  await using _held = await lock.locks.acquire(lock.name, signal === undefined ? {} : { signal })
  return await action()
}

async function isDirectory(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  return found?.isDirectory() === true
}

function blobsThere(previous: MountExport | undefined, backend: CacheBackend, { signal }: CallOptions) {
  if (previous === undefined) return new Set<Digest>()
  const digests = [previous.tree, ...previous.packs].map(({ digest }) => digest)
  return backend.has(digests, signal === undefined ? {} : { signal })
}

async function inputOf(
  { folder, previous, maxBytes = defaultMaxMountBytes }: MountFolder,
  there: ReadonlySet<Digest>,
): Promise<ExportInput> {
  const indexFile = `${folder}.index`
  const hasTree = previous !== undefined && there.has(previous.tree.digest)
  const isIndexed = previous !== undefined && (await indexedTree(indexFile)) === digestHex(previous.tree.digest)
  return {
    folder,
    indexFile,
    maxBytes,
    bootId: currentBootId(),
    previous: isIndexed ? 'index' : hasTree ? 'input' : 'none',
    hasTree,
    hasPacks: previous?.packs.map(({ digest }) => there.has(digest)) ?? [],
  }
}

/** Hex digits of the tree that an index file goes with. */
async function indexedTree(path: string): Promise<string | undefined> {
  const file = await open(path).catch(() => undefined)
  if (file === undefined) return undefined
  try {
    const head = Buffer.alloc(indexHeadBytes)
    const { bytesRead } = await file.read(head, 0, indexHeadBytes, 0)
    return decodeIndexHead(head.subarray(0, bytesRead))
  } finally {
    await file.close()
  }
}

function tell(message: unknown, onProgress: OnProgress | undefined): void {
  const { bytes, total } = message as { readonly bytes: number; readonly total: number }
  onProgress?.(bytes, total)
}

/** The previous tree for the worker. Its errors keep their class. */
class Source {
  failure: { readonly error: unknown } | undefined
  readonly #stream: ByteStream

  constructor(backend: CacheBackend, { tree }: MountExport, signal: AbortSignal | undefined) {
    this.#stream = decompressBlob(backend, tree, signal === undefined ? {} : { signal })
  }

  async *bytes(): ByteStream {
    try {
      yield* this.#stream
    } catch (error) {
      this.failure = { error }
      throw error
    }
  }
}

/** What comes of an export's pieces. */
class MadeBlobs {
  readonly packs: Descriptor[] = []
  readonly #directory: string
  readonly #uploads: Uploads
  #tree: Descriptor | undefined
  #hasIndex = false

  /** @param tree the previous one, which stays unless another comes */
  constructor(directory: string, uploads: Uploads, tree: Descriptor | undefined) {
    this.#directory = directory
    this.#uploads = uploads
    this.#tree = tree
  }

  async take(kind: PieceKind, bytes: ByteStream): Promise<void> {
    switch (kind) {
      case pieceKinds.pack: {
        const path = join(this.#directory, `pack-${this.packs.length}`)
        const blob = await compressInto(path, bytes, packMediaType)
        this.packs.push(blob)
        return this.#uploads.add(blob, path)
      }
      case pieceKinds.tree: {
        const path = join(this.#directory, 'tree')
        this.#tree = await compressInto(path, bytes, treeMediaType)
        return this.#uploads.add(this.#tree, path)
      }
      case pieceKinds.index:
        return this.#writeIndex(bytes)
    }
  }

  treeBlob(): Descriptor {
    if (this.#tree === undefined) throw new TypeError('an export without a tree')
    return this.#tree
  }

  /** Names the index, if there is a new one. */
  async keepIndex(path: string): Promise<void> {
    if (!this.#hasIndex) return
    faultPoint('cache-mount.index.before')
    await rename(join(this.#directory, 'index'), path)
    faultPoint('cache-mount.index.after')
  }

  async #writeIndex(bytes: ByteStream): Promise<void> {
    const file = await open(join(this.#directory, 'index'), 'wx', 0o600)
    try {
      await file.writeFile(encodeIndexHead(digestHex(this.treeBlob().digest)))
      for await (const chunk of bytes) await file.writeFile(chunk)
      this.#hasIndex = true
    } finally {
      await file.close()
    }
  }
}
