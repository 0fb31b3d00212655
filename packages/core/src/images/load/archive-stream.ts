import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { decompress, detectCompression } from '@tsbuild/exporter'
import { type ByteStream, type CallOptions, TsbuildError } from '@tsbuild/spec'
import type { ArchiveEvent } from '../../api.js'
import { decompressForeign } from '../../decompress-foreign.js'
import { CoreError } from '../../errors.js'

export interface ArchiveStreamOptions extends CallOptions {
  readonly workerDir?: string
  readonly onEvent?: (event: ArchiveEvent) => void
}

const readBytes = 256 << 10
const intervalMs = 100

/** The bytes of an archive, decompressed. `total` is told where the source is a file.
 * @throws {CoreError} `ARCHIVE_INVALID` */
export async function* archiveStream(source: string | Readable, options: ArchiveStreamOptions): ByteStream {
  const total = typeof source === 'string' ? (await fileFacts(source)).size : undefined
  const stream = typeof source === 'string' ? createReadStream(source, { highWaterMark: readBytes }) : source
  try {
    yield* unpacked(counted(stream, total, options), options)
  } catch (error) {
    options.signal?.throwIfAborted()
    throw archiveError(typeof source === 'string' ? source : '-', error)
  } finally {
    if (typeof source === 'string') stream.destroy()
  }
}

/** @throws {CoreError} `ARCHIVE_INVALID` */
export async function fileFacts(path: string): Promise<{ readonly size: number; readonly isDirectory: boolean }> {
  try {
    const file = await stat(path)
    return { size: file.size, isDirectory: file.isDirectory() }
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const state = code === 'ENOENT' ? 'no such file' : code === 'EACCES' ? 'permission denied' : message
    throw new CoreError('ARCHIVE_INVALID', `Cannot read "${path}": ${state}`, { cause })
  }
}

/** What the system, the store and an abort say stays as it is; the rest is the archive's fault. */
export function archiveError(name: string, cause: unknown): unknown {
  if (!(cause instanceof TsbuildError) || cause instanceof CoreError) return cause
  if (cause.code !== 'STREAM_TRUNCATED' && cause.code !== 'STREAM_INVALID') return cause
  const shown = name === '-' ? 'the archive' : `"${name}"`
  const state = cause.message.replace(/^Cannot [^:]*: /, '')
  return new CoreError('ARCHIVE_INVALID', `Cannot read ${shown}: ${state}`, { cause })
}

/** Tells the compression by the first bytes, whatever the chunks are. */
async function* unpacked(stream: ByteStream, { workerDir }: ArchiveStreamOptions): ByteStream {
  const iterator = stream[Symbol.asyncIterator]()
  const start: Uint8Array[] = []
  for (let length = 0; length < 6; ) {
    const { done, value } = await iterator.next()
    if (done === true) break
    start.push(value)
    length += value.length
  }
  const whole = rejoined(start, iterator)
  const compression = detectCompression(Buffer.concat(start))
  if (compression === 'xz' || compression === 'bzip2') {
    yield* decompressForeign(whole, compression, workerDir === undefined ? {} : { workerDir })
  } else yield* decompress(whole, compression)
}

async function* rejoined(start: readonly Uint8Array[], rest: AsyncIterator<Uint8Array>): ByteStream {
  try {
    yield* start
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value
  } finally {
    await rest.return?.()
  }
}

async function* counted(
  stream: Readable,
  total: number | undefined,
  { signal, onEvent }: ArchiveStreamOptions,
): ByteStream {
  const tell = (bytes: number, done: boolean) =>
    onEvent?.({ kind: 'read', bytes, ...(total === undefined ? {} : { total }), ...(done ? { done } : {}) })
  let bytes = 0
  let last = 0
  for await (const chunk of abortable(stream, signal)) {
    yield chunk
    bytes += chunk.length
    if (performance.now() - last < intervalMs) continue
    last = performance.now()
    tell(bytes, false)
  }
  tell(bytes, true)
}

/** Ends the waiting for a source that says nothing more, when the signal aborts. */
async function* abortable(stream: Readable, signal: AbortSignal | undefined): ByteStream {
  signal?.throwIfAborted()
  const stop = () => stream.destroy()
  signal?.addEventListener('abort', stop, { once: true })
  try {
    for await (const chunk of stream) yield typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Uint8Array)
    signal?.throwIfAborted()
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}
