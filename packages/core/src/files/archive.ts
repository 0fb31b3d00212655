import { readSync } from 'node:fs'
import { Readable } from 'node:stream'
import type { StreamCompression } from '@tsbuild/exporter'
import type { ByteStream } from '@tsbuild/spec'
import { CoreError } from '../errors.js'
import { tarBlockBytes as blockBytes, isTarHeader } from './tar-header.js'

const chunkBytes = 256 << 10

type Sink = (chunk: Uint8Array) => void

/** An archive that ADD unpacks. */
export interface Archive {
  /** Gives the uncompressed tar to `sink`, piece by piece; what it throws ends the reading. `onRaw` is told the compressed bytes, of
   * which not all need to have been read when the tar ends. */
  read(sink: Sink, onRaw: Sink): Promise<void>
}

/** Whether a file is a tar, plain or compressed with gzip, bzip2, xz or zstd: by its first bytes and a valid first header, never by name.
 * The thread must have the host's root, since code may be loaded. */
export async function openArchive(fd: number): Promise<Archive | undefined> {
  const start = Buffer.alloc(blockBytes)
  const length = readSync(fd, start, 0, blockBytes, 0)
  if (length < 6) return undefined
  const { detectCompression } = await import('@tsbuild/exporter')
  const compression = detectCompression(start.subarray(0, length))
  const read = (sink: Sink, onRaw: Sink = () => {}) => decompressInto(readChunks(fd, onRaw), compression, sink)
  return (await beginsTar(read)) ? { read } : undefined
}

/** Reads a file by position, so that it may be read several times. */
async function* readChunks(fd: number, onRaw: Sink): ByteStream {
  for (let position = 0; ; ) {
    const chunk = Buffer.allocUnsafe(chunkBytes)
    const count = readSync(fd, chunk, 0, chunkBytes, position)
    if (count === 0) return
    position += count
    onRaw(chunk.subarray(0, count))
    yield chunk.subarray(0, count)
  }
}

async function decompressInto(source: ByteStream, compression: StreamCompression, sink: Sink): Promise<void> {
  if (compression === 'bzip2') return bunzip2(source, sink)
  const { decompress } = await import('@tsbuild/exporter')
  const stream = compression === 'xz' ? await unxz(source) : decompress(source, compression)
  for await (const chunk of stream) sink(chunk)
}

/** This decoder works through all the input that it has at once, so its output must not wait: a few bytes may become gigabytes. */
async function bunzip2(source: ByteStream, sink: Sink): Promise<void> {
  const { default: unbzip2 } = await import('unbzip2-stream')
  const decoder = unbzip2()
  const errors: unknown[] = []
  decoder.on('data', sink)
  decoder.on('error', (error) => errors.push(error))
  for await (const chunk of source) {
    decoder.write(chunk)
    if (errors.length > 0) throw errors[0]
  }
  decoder.end()
  if (errors.length > 0) throw errors[0]
}

async function unxz(source: ByteStream): Promise<AsyncIterable<Uint8Array>> {
  const { default: xz } = await import('xz-decompress')
  const input = Readable.toWeb(Readable.from(source, { objectMode: false }))
  return new xz.XzReadableStream(input) as unknown as AsyncIterable<Uint8Array>
}

async function beginsTar(read: (sink: Sink) => Promise<void>): Promise<boolean> {
  const block = Buffer.alloc(blockBytes)
  const enough = new Error('the first header is there')
  let filled = 0
  try {
    await read((chunk) => {
      filled += Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).copy(block, filled)
      if (filled === blockBytes) throw enough
    })
  } catch {
    // What cannot be decompressed is no archive, but a file like any other.
  }
  return filled === blockBytes && isTarHeader(block)
}

/** An abort and what the system refuses stay as they are; the rest is the archive's fault. */
export function archiveError(name: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || cause.name === 'AbortError' || 'errno' in cause) return cause
  return new CoreError('ARCHIVE_INVALID', `Cannot unpack "${name}": ${cause.message}`, { cause })
}
