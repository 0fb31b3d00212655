import { availableParallelism } from 'node:os'
import { constants, crc32, deflateRaw, type ZlibOptions } from 'node:zlib'
import type { ByteStream } from '@tsbuild/spec'
import { type Block, blocks, mapInOrder } from './blocks.js'
import { limiter } from './limiter.js'

/** Fixed, so that the bytes depend on neither the machine nor the size of chunks. */
const blockBytes = 256 * 1024
/** How far deflate looks back. */
const windowBytes = 32 * 1024

/** Shared by all streams: one thread of libuv's pool is left for file access. */
const threads = Math.max(1, Math.min(availableParallelism(), (Number(process.env.UV_THREADPOOL_SIZE ?? 4) || 4) - 1))
const slots = limiter(threads)

/** Compresses into one gzip member (RFC 1952) without name and time. Blocks of 256 KiB are deflated side by side on libuv's threads,
 * each with the 32 KiB before it as dictionary and flushed to a byte boundary, so that they join to one deflate stream. */
export async function* gzip(stream: ByteStream, level: number): ByteStream {
  let crc = 0
  let size = 0
  let before: Buffer | undefined
  const deflateBlock = ({ data, last }: Block): Promise<Buffer> => {
    const dictionary = before
    before = data.subarray(-windowBytes)
    crc = crc32(data, crc)
    size += data.length
    return slots(() =>
      deflate(data, {
        level,
        chunkSize: blockBytes,
        finishFlush: last ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
        ...(dictionary === undefined ? {} : { dictionary }),
      }),
    )
  }
  yield header(level)
  yield* mapInOrder(blocks(stream, blockBytes), threads + 1, deflateBlock)
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(crc, 0)
  trailer.writeUInt32LE(size % 2 ** 32, 4)
  yield trailer
}

function header(level: number): Buffer {
  const extraFlags = level === 9 ? 2 : level === 1 ? 4 : 0
  return Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, extraFlags, 255])
}

function deflate(data: Uint8Array, options: ZlibOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    deflateRaw(data, options, (error, compressed) => (error ? reject(error) : resolve(compressed)))
  })
}
