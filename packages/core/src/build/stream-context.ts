import { randomBytes } from 'node:crypto'
import { mkdir, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { StreamCompression } from '@tsbuild/exporter'
import type { ByteStream } from '@tsbuild/spec'
import { CoreError } from '../errors.js'
import { archiveError } from '../files/archive.js'
import { isTarHeader, tarBlockBytes } from '../files/tar-header.js'

/** A context that came as a stream, unpacked; disposing it removes it. */
export interface StreamedContext extends AsyncDisposable {
  readonly directory: string
  /** Set when the stream was no archive: then it is the Dockerfile itself, and the context is empty. */
  readonly dockerfileText?: string
}

export interface ReceiveOptions {
  /** What becomes of a stream that is no archive. Default: it is read as a Dockerfile. */
  readonly takePlain?: (directory: string) => Promise<void>
}

const bzip2PieceBytes = 64 << 10

/** The largest Dockerfile that is taken from a stream, in bytes. */
export const dockerfileLimit = 16 << 20

/** Receives a context as Docker's `build -` does: a tar, plain or compressed with gzip, bzip2, xz or zstd, or a Dockerfile.
 * @param parent folder for the unpacked files, made when it is missing
 * @throws {CoreError} `ARCHIVE_INVALID`, `DOCKERFILE_INVALID` */
export async function receiveContext(
  stream: Readable,
  parent: string,
  signal: AbortSignal | undefined,
  { takePlain }: ReceiveOptions = {},
): Promise<StreamedContext> {
  const directory = join(parent, randomBytes(8).toString('hex'))
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const remove = async () => {
    await rm(directory, { recursive: true, force: true })
    // Other builds of this session may still have theirs in it.
    await rmdir(parent).catch(() => {})
  }
  try {
    const { detectCompression } = await import('@tsbuild/exporter')
    const raw = await peek(stream as AsyncIterable<Uint8Array>, tarBlockBytes)
    const compression = detectCompression(raw.start)
    const data = compression === 'none' ? raw : await peek(await decompressed(raw.all, compression), tarBlockBytes)
    if (isTarHeader(data.start)) {
      const { default: tar } = await import('tar-fs')
      await pipeline(
        Readable.from(data.all, { objectMode: false }),
        tar.extract(directory),
        signal === undefined ? {} : { signal },
      )
      return { directory, [Symbol.asyncDispose]: remove }
    }
    if (takePlain !== undefined) {
      stream.destroy()
      await takePlain(directory)
      return { directory, [Symbol.asyncDispose]: remove }
    }
    return { directory, dockerfileText: await text(data.all), [Symbol.asyncDispose]: remove }
  } catch (error) {
    await remove()
    signal?.throwIfAborted()
    throw archiveError('the context', error)
  }
}

interface Peeked {
  /** The first bytes, fewer where the stream is shorter. */
  readonly start: Buffer
  /** The whole stream, from its beginning. */
  readonly all: ByteStream
}

async function peek(stream: AsyncIterable<Uint8Array>, bytes: number): Promise<Peeked> {
  const iterator = stream[Symbol.asyncIterator]()
  const chunks: Uint8Array[] = []
  for (let length = 0; length < bytes; ) {
    const { done, value } = await iterator.next()
    if (done) break
    chunks.push(value)
    length += value.length
  }
  async function* all(): ByteStream {
    yield* chunks
    yield* { [Symbol.asyncIterator]: () => iterator }
  }
  return { start: Buffer.concat(chunks).subarray(0, bytes), all: all() }
}

/** The stream without its compression. */
export async function decompressed(stream: ByteStream, compression: StreamCompression): Promise<ByteStream> {
  switch (compression) {
    case 'bzip2':
      return bunzip2(stream)
    case 'xz': {
      const { default: xz } = await import('xz-decompress')
      const input = Readable.toWeb(Readable.from(stream, { objectMode: false }))
      return new xz.XzReadableStream(input) as unknown as ByteStream
    }
    default: {
      const { decompress } = await import('@tsbuild/exporter')
      return decompress(stream, compression)
    }
  }
}

/** This decoder works through each piece of input at once: small pieces keep what it holds small. */
async function* bunzip2(stream: ByteStream): ByteStream {
  const { default: unbzip2 } = await import('unbzip2-stream')
  const decoder = unbzip2()
  let out: Uint8Array[] = []
  let failure: unknown
  decoder.on('data', (chunk: Uint8Array) => out.push(chunk))
  decoder.on('error', (error: unknown) => {
    failure ??= error
  })
  const taken = () => {
    const chunks = out
    out = []
    if (failure !== undefined) throw failure
    return chunks
  }
  for await (const chunk of stream) {
    for (let from = 0; from < chunk.length; from += bzip2PieceBytes) {
      decoder.write(chunk.subarray(from, from + bzip2PieceBytes))
      yield* taken()
    }
  }
  decoder.end()
  yield* taken()
}

async function text(stream: ByteStream): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of stream) {
    chunks.push(chunk)
    length += chunk.length
    if (length > dockerfileLimit) {
      throw new CoreError('DOCKERFILE_INVALID', 'Cannot read the context: it is neither an archive nor a Dockerfile')
    }
  }
  return Buffer.concat(chunks).toString('utf8')
}
