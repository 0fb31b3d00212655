import { createReadStream, existsSync, readFileSync } from 'node:fs'
import { opendir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type ByteStream,
  type ContentStore,
  type Descriptor,
  type Digest,
  digestHex,
  digestOf,
  isDigest,
} from '@tsbuild/spec'
import { errnoOf, StoreError, storeError } from '../errors.js'
import type { RootPaths } from '../root/root-paths.js'
import { abortable } from './abortable.js'
import type { Ingests } from './ingests.js'

const readBytes = 256 << 10

export interface ContentStoreOptions {
  /** `undefined` in a store that is opened for reading. */
  readonly ingests: Ingests | undefined
  /** Called before a blob is received; resolves when what dead processes left is put in order. */
  readonly beforeWrite: () => Promise<unknown>
  readonly afterRemove: (digest: Digest) => Promise<void>
}

export function createContentStore(paths: RootPaths, options: ContentStoreOptions): ContentStore {
  const blobPath = (digest: Digest) => join(paths.blobs, digestHex(digest))
  let swept: Promise<unknown> | undefined
  const writable = (): Ingests => {
    if (options.ingests === undefined) {
      throw new StoreError('ROOT_READ_ONLY', 'Cannot write blob: the store was opened for reading')
    }
    swept = options.beforeWrite()
    return options.ingests
  }
  return {
    directory: paths.content,
    blobPath,
    hasBlob: (digest) => existsSync(blobPath(digest)),
    read: (descriptor, { signal, offset = 0 } = {}) =>
      readBlob(blobPath(descriptor.digest), descriptor, offset, signal),
    readSmall: (digest) => readSmall(blobPath(digest), digest),
    async openIngest(descriptor) {
      const ingests = writable()
      // A dead process may have left a part of this very blob.
      await swept
      return ingests.open(descriptor, { resume: true })
    },
    async writeBlob(descriptor, data, { signal } = {}) {
      const ingests = writable()
      const stream = data instanceof Uint8Array ? undefined : data
      if (await ingests.touch(descriptor)) {
        await stream?.[Symbol.asyncIterator]().return?.()
        return
      }
      await using ingest = await ingests.open(descriptor, { resume: false })
      for await (const chunk of abortable(stream ?? once(data as Uint8Array), signal)) await ingest.write(chunk)
      await ingest.commit()
    },
    receiveBlob: async (data, { signal } = {}) => writable().receive(abortable(data, signal)),
    async removeBlob(digest) {
      writable()
      await options.afterRemove(digest)
      await rm(blobPath(digest), { force: true }).catch((error) => {
        throw storeError(error, `remove blob "${digest}"`)
      })
    },
    listBlobs: () => listBlobs(paths.blobs),
  }
}

async function* once(data: Uint8Array): ByteStream {
  yield data
}

async function* readBlob(
  path: string,
  { digest, size }: Descriptor,
  offset: number,
  signal: AbortSignal | undefined,
): ByteStream {
  signal?.throwIfAborted()
  const file = await stat(path).catch((error) => {
    throw errnoOf(error) === 'ENOENT' ? blobNotFound(digest, error) : storeError(error, `read blob "${digest}"`)
  })
  if (file.size !== size) throw corrupt(digest, `it has ${file.size} bytes, not ${size}`)
  if (offset >= size) return
  const stream = createReadStream(path, { start: offset, highWaterMark: readBytes })
  try {
    yield* abortable(stream as AsyncIterable<Buffer>, signal)
  } catch (error) {
    signal?.throwIfAborted()
    throw errnoOf(error) === 'ENOENT' ? blobNotFound(digest, error) : storeError(error, `read blob "${digest}"`)
  } finally {
    stream.destroy()
  }
}

function readSmall(path: string, digest: Digest): Uint8Array | undefined {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(path)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw storeError(error, `read blob "${digest}"`)
  }
  if (digestOf(bytes) === digest) return bytes
  throw corrupt(digest, 'its content has another digest')
}

async function* listBlobs(directory: string): AsyncIterable<{ readonly digest: Digest; readonly size: number }> {
  const entries = await opendir(directory).catch((error) => {
    if (errnoOf(error) === 'ENOENT') return []
    throw storeError(error, `list blobs in "${directory}"`)
  })
  for await (const { name } of entries) {
    const digest = `sha256:${name}`
    if (!isDigest(digest)) continue
    const file = await stat(join(directory, name)).catch(() => undefined)
    if (file !== undefined) yield { digest, size: file.size }
  }
}

function blobNotFound(digest: Digest, cause: unknown): StoreError {
  return new StoreError('BLOB_NOT_FOUND', `Cannot read blob "${digest}": it is not in the store`, { cause })
}

function corrupt(digest: Digest, state: string): StoreError {
  return new StoreError('BLOB_CORRUPT', `Cannot read blob "${digest}": ${state}`, {
    hint: 'The file was changed on disk; remove it and pull or build again',
  })
}
