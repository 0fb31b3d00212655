import { lstat, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { ByteStream, CacheBackend, CallOptions, OnProgress } from '@tsbuild/spec'
import { createMountsPool } from '../../mounts-pool.js'
import { openAside } from './aside.js'
import { decompressBlob } from './blob-files.js'
import { invalid } from './errors.js'
import type { ImportInput } from './import-task.js'
import { joinPieces } from './input-pieces.js'
import { defaultMaxMountBytes, type MountExport } from './mount-export.js'

export interface ImportMountOptions extends CallOptions {
  /** Bytes of contents read, of all. */
  readonly onProgress?: OnProgress
  /** Default {@link defaultMaxMountBytes}. */
  readonly maxBytes?: number
  /** Where the worker entry files lie, for bundled programs. */
  readonly workerDir?: string
}

/** Makes a cache mount's folder of what was exported. It is there whole or not at all; a folder that is there already is left alone.
 * @returns whether the folder was made
 * @throws {CoreError} `CACHE_INVALID` for damaged or odd blobs, or more than `maxBytes`; errors of the backend pass through */
export async function importMount(
  mount: MountExport,
  backend: CacheBackend,
  folder: string,
  { signal, onProgress, maxBytes = defaultMaxMountBytes, workerDir }: ImportMountOptions = {},
): Promise<boolean> {
  signal?.throwIfAborted()
  if (mount.bytes > maxBytes) {
    throw invalid(`import the cache mount "${mount.id}"`, `it has ${mount.bytes} bytes, more than ${maxBytes}`)
  }
  if (await isThere(folder)) return false
  await mkdir(dirname(folder), { recursive: true })
  await using pool = createMountsPool(workerDir)
  await using aside = await openAside(folder, pool)
  const { files, bytes, packs } = mount
  const input: ImportInput = { folder, aside: aside.path, files, bytes, packs: packs.length, maxBytes }
  const stop = new AbortController()
  const blobs = new MountBlobs(mount, backend, signal ? AbortSignal.any([signal, stop.signal]) : stop.signal)
  try {
    return await pool.run<boolean>('import', input, {
      source: blobs.bytes(),
      onMessage: (message) => {
        const { bytes: done, total } = message as { readonly bytes: number; readonly total: number }
        onProgress?.(done, total)
      },
      ...(signal === undefined ? {} : { signal }),
    })
  } catch (error) {
    signal?.throwIfAborted()
    throw blobs.failure?.error ?? error
  } finally {
    stop.abort()
  }
}

async function isThere(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined
}

/** Tree and packs, one after the other. Their errors keep their class. */
class MountBlobs {
  failure: { readonly error: unknown } | undefined
  readonly #stream: ByteStream

  constructor({ tree, packs }: MountExport, backend: CacheBackend, signal: AbortSignal) {
    this.#stream = joinPieces([tree, ...packs].map((blob) => decompressBlob(backend, blob, { signal })))
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
