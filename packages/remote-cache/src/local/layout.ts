import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, open, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { type ByteStream, type CallOptions, type Digest, digestHex, faultPoint } from '@tsbuild/spec'
import { RemoteCacheError } from '../errors.js'
import { errnoOf } from './errors.js'

/** The files of an OCI image layout: what is written appears whole, under its name, or not at all. Calls fail as the file system's
 * do. */
export class Layout {
  readonly directory: string
  /** Where files grow until they are whole. */
  readonly ingest: string
  readonly blobs: string

  constructor(directory: string) {
    this.directory = directory
    this.ingest = join(directory, 'ingest')
    this.blobs = join(directory, 'blobs/sha256')
  }

  async make(): Promise<void> {
    await mkdir(this.blobs, { recursive: true })
    await mkdir(this.ingest, { recursive: true })
    const marker = join(this.directory, 'oci-layout')
    if ((await sizeOf(marker)) === undefined) await this.#publish(marker, Buffer.from('{"imageLayoutVersion":"1.0.0"}'))
  }

  async hasBlob(digest: Digest): Promise<boolean> {
    return (await sizeOf(this.#path(digest))) !== undefined
  }

  /** Makes an existing blob new, so that nobody takes it for left over. Who may only read has nobody to fear. */
  async touchBlob(digest: Digest): Promise<void> {
    const now = new Date()
    await utimes(this.#path(digest), now, now).catch(() => {})
  }

  readBlob(digest: Digest, { signal }: CallOptions): ByteStream {
    return readFileChunks(this.#path(digest), signal)
  }

  async writeBlob(digest: Digest, data: ByteStream | Iterable<Uint8Array>, signal?: AbortSignal): Promise<void> {
    await this.#publish(this.#path(digest), data, signal)
  }

  /** `undefined` where there is no index. */
  async readIndex(): Promise<Uint8Array | undefined> {
    try {
      return Buffer.concat(await collect(readFileChunks(join(this.directory, 'index.json'), undefined)))
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw error
    }
  }

  async writeIndex(bytes: Uint8Array): Promise<void> {
    faultPoint('cache-index.publish.before')
    await this.#publish(join(this.directory, 'index.json'), bytes)
    faultPoint('cache-index.publish.after')
  }

  #path(digest: Digest): string {
    return join(this.blobs, digestHex(digest))
  }

  async #publish(
    path: string,
    data: Uint8Array | ByteStream | Iterable<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<void> {
    const aside = join(this.ingest, randomUUID())
    try {
      const file = await open(aside, 'wx')
      try {
        for await (const chunk of data instanceof Uint8Array ? [data] : data) {
          signal?.throwIfAborted()
          await file.writeFile(chunk)
        }
        await file.sync()
      } finally {
        await file.close()
      }
      signal?.throwIfAborted()
      faultPoint('cache-file.publish.before')
      await rename(aside, path)
      faultPoint('cache-file.publish.after')
    } catch (error) {
      await rm(aside, { force: true })
      throw error
    }
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** The bytes of a regular file. Anything else is refused: a folder that somebody brought may have a pipe under any name, and whoever
 * opens that waits for ever. */
async function* readFileChunks(path: string, signal: AbortSignal | undefined): ByteStream {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    if (!(await file.stat()).isFile())
      throw new RemoteCacheError('CACHE_INVALID', `Cannot read "${path}": it is no file`)
    yield* file.createReadStream({
      highWaterMark: 1 << 18,
      autoClose: false,
      ...(signal === undefined ? {} : { signal }),
    })
  } finally {
    await file.close()
  }
}

async function collect(stream: ByteStream): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return chunks
}
