import { type FileHandle, open } from 'node:fs/promises'
import type { ByteStream, Digest } from '@tsbuild/spec'
import { errnoOf, StoreError, storeError } from '../errors.js'

/** Two of these are in use for each blob that is being read. */
const pieceBytes = 256 << 10
/** Kept for the next reader: making them anew for every piece costs more than reading does. */
const maxSpare = 16
const spare: Buffer[] = []

/** Streams the bytes of a blob's file from `offset` on. The next piece is read while one is being used; a piece is overwritten after the
 * next one was asked for. */
export async function* readBlobFile(path: string, digest: Digest, size: number, offset: number): ByteStream {
  const file = await open(path, 'r').catch((error) => {
    throw failure(error, digest)
  })
  const buffers = [spare.pop() ?? Buffer.allocUnsafeSlow(pieceBytes), spare.pop() ?? Buffer.allocUnsafeSlow(pieceBytes)]
  let pending: Promise<Uint8Array> | undefined
  try {
    let position = offset
    pending = readPiece(file, buffers[0]!, position, size)
    for (let turn = 1; position < size; turn++) {
      const piece: Uint8Array = await pending
      if (piece.length === 0) throw new StoreError('BLOB_CORRUPT', `Cannot read blob "${digest}": it is too short`)
      position += piece.length
      // The other buffer is free again: whoever asks for the next piece is done with the last one.
      pending = readPiece(file, buffers[turn % 2]!, position, size)
      yield piece
    }
  } catch (error) {
    throw failure(error, digest)
  } finally {
    await pending?.catch(() => {})
    if (spare.length < maxSpare) spare.push(...buffers)
    await file.close()
  }
}

async function readPiece(file: FileHandle, buffer: Buffer, position: number, size: number): Promise<Uint8Array> {
  const length = Math.min(buffer.length, size - position)
  if (length === 0) return buffer.subarray(0, 0)
  const { bytesRead } = await file.read(buffer, 0, length, position)
  return buffer.subarray(0, bytesRead)
}

function failure(error: unknown, digest: Digest): Error {
  if (errnoOf(error) !== 'ENOENT') return storeError(error, `read blob "${digest}"`)
  return new StoreError('BLOB_NOT_FOUND', `Cannot read blob "${digest}": it is not in the store`, { cause: error })
}
