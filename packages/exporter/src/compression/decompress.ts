import { createGunzip, type Gunzip } from 'node:zlib'
import type { ByteStream, Compression } from '@tsbuild/spec'
import { ExporterError } from '../errors.js'
import { unzstd } from '../zstd.js'

/** Decompresses a stream off the main thread; the reader's pace is the stream's. gzip may have several members, zstd several frames;
 * what follows a gzip stream and is none is ignored, as gzip does.
 * @throws {ExporterError} `STREAM_TRUNCATED`, `STREAM_INVALID`; errors of `stream` pass through */
export function decompress(stream: ByteStream, compression: Compression): ByteStream {
  switch (compression) {
    case 'none':
      return stream
    case 'gzip':
      return gunzip(stream)
    case 'zstd':
      return unzstd(stream)
  }
}

async function* gunzip(stream: ByteStream): ByteStream {
  const inflater = createGunzip({ chunkSize: 256 * 1024 })
  const head: number[] = []
  const fed = feed(watchStart(stream, head), inflater).catch((error: Error) => inflater.destroy(error))
  try {
    yield* inflater as AsyncIterable<Buffer>
  } catch (error) {
    // A header that is none after one that was: garbage behind the last member, where a chunk begins with it.
    const behind = (error as Error).message === 'incorrect header check' && head[0] === 0x1f && head[1] === 0x8b
    if (!behind) throw asStreamError(error)
  } finally {
    inflater.destroy()
    // Not waited for: the source may be waiting for bytes that nobody needs any more.
    void fed
  }
}

/** Notes the first two bytes. */
async function* watchStart(stream: ByteStream, head: number[]): ByteStream {
  for await (const chunk of stream) {
    if (head.length < 2) head.push(...chunk.subarray(0, 2 - head.length))
    yield chunk
  }
}

/** Writes a stream to the inflater, until that is full, has its end, or is gone. */
async function feed(stream: ByteStream, inflater: Gunzip): Promise<void> {
  let ended = false
  inflater.once('end', () => {
    ended = true
  })
  for await (const chunk of stream) {
    if (ended || inflater.destroyed) return
    if (!inflater.write(chunk)) await writable(inflater)
  }
  if (!inflater.destroyed) inflater.end()
}

function writable(inflater: Gunzip): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      inflater.off('drain', settle).off('close', settle).off('end', settle)
      resolve()
    }
    inflater.on('drain', settle).on('close', settle).on('end', settle)
  })
}

function asStreamError(error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'Z_BUF_ERROR')
    return new ExporterError('STREAM_TRUNCATED', 'Cannot decompress gzip stream: it ends too early', { cause: error })
  if (code === 'Z_DATA_ERROR' || code === 'Z_NEED_DICT') {
    return new ExporterError('STREAM_INVALID', `Cannot decompress gzip stream: ${(error as Error).message}`, {
      cause: error,
    })
  }
  return error
}
