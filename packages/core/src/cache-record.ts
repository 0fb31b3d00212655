import { setImmediate } from 'node:timers/promises'
import { createWorkerPool } from '@tsbuild/host'
import type { ByteStream, CallOptions } from '@tsbuild/spec'
import { type CacheDocument, readCacheDocument } from './cache/transfer/cache-document.js'
import { DocumentAssembler } from './cache/transfer/document-slices.js'
import { waitFor } from './cache/transfer/wait-for.js'
import { CoreError } from './errors.js'
import { asCoreError } from './file-engine.js'

export interface ReadRecordOptions extends CallOptions {
  /** Where the worker entry files lie, for bundled programs. */
  readonly workerDir?: string | undefined
  /** All of it is checked, and only its cache mounts are given. */
  readonly mountsOnly?: boolean
}

/** Bytes above which a record is read in a worker: reading them takes about as long as starting one. */
const workerLimit = 64 << 10
/** No record has more. */
const maxBytes = 64 << 20
const chunkBytes = 1 << 20

/** Reads what a cache says; where that is much, in a worker, from which it comes in slices, so that the event loop stays free.
 * @throws {CoreError} `CACHE_INVALID`; the signal's reason, at once */
export async function readCacheRecord(bytes: Uint8Array, options: ReadRecordOptions = {}): Promise<CacheDocument> {
  const { signal, workerDir, mountsOnly = false } = options
  signal?.throwIfAborted()
  if (bytes.length <= workerLimit) return readCacheDocument(bytes)
  if (bytes.length > maxBytes)
    throw new CoreError('CACHE_INVALID', `Cannot read a cache: its record has more than ${maxBytes} bytes`)
  await using pool = createWorkerPool({
    entry: new URL('./cache-record-worker.js', import.meta.url),
    size: 1,
    name: 'tsbuild-cache-record',
    ...(workerDir === undefined ? {} : { workerDir }),
  })
  const assembler = new DocumentAssembler()
  const reading = pool.run<void>(
    'read',
    { mountsOnly },
    {
      source: chunksOf(bytes),
      onChunk: async (slice) => {
        assembler.add(Buffer.from(slice.buffer, slice.byteOffset, slice.length).toString('utf8'))
        await setImmediate()
      },
    },
  )
  try {
    await waitFor(reading, signal)
  } catch (error) {
    throw asCoreError(error)
  }
  return assembler.document
}

async function* chunksOf(bytes: Uint8Array): ByteStream {
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    yield bytes.subarray(at, at + chunkBytes)
    await setImmediate()
  }
}
