import { createHash, webcrypto } from 'node:crypto'
import type { ByteStream, Descriptor, Digest } from '@tsbuild/spec'
import { digestFromHex } from '@tsbuild/spec'
import { RemoteCacheError } from './errors.js'

/** No record is longer, so that a damaged descriptor asks for no more memory. */
export const maxRecordBytes = 64 << 20

type BlobIdentity = Pick<Descriptor, 'digest' | 'size'>

/** SHA-256 in a thread of libuv's pool: a record may have megabytes. */
export async function digestAside(bytes: Uint8Array): Promise<Digest> {
  const sum = await webcrypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)
  return digestFromHex(Buffer.from(sum).toString('hex'))
}

/** Passes the bytes of a blob on, and fails at their end, or as soon as they are too many, where they are not the descriptor's.
 * @throws {RemoteCacheError} `CACHE_INVALID`; `what` begins the message */
export async function* verified(data: ByteStream, descriptor: BlobIdentity, what: string): ByteStream {
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of data) {
    size += chunk.length
    if (size > descriptor.size) throw wrongSize(descriptor, 'it is longer', what)
    hash.update(chunk)
    yield chunk
  }
  if (size < descriptor.size) throw wrongSize(descriptor, `it has ${size} bytes`, what)
  if (digestFromHex(hash.digest('hex')) !== descriptor.digest)
    throw new RemoteCacheError('CACHE_INVALID', `${what}: its bytes have another digest`)
}

function wrongSize({ size }: BlobIdentity, state: string, what: string): RemoteCacheError {
  return new RemoteCacheError('CACHE_INVALID', `${what}: ${state}, its descriptor says ${size} bytes`)
}

/** A record, or what holds one, in memory; verified.
 * @throws {RemoteCacheError} `CACHE_INVALID` */
export async function readWhole(data: ByteStream, descriptor: BlobIdentity, what: string): Promise<Uint8Array> {
  if (descriptor.size > maxRecordBytes)
    throw new RemoteCacheError('CACHE_INVALID', `${what}: ${descriptor.size} bytes are more than a record may have`)
  const bytes = new Uint8Array(descriptor.size)
  let size = 0
  for await (const chunk of data) {
    if (size + chunk.length > bytes.length) throw wrongSize(descriptor, 'it is longer', what)
    bytes.set(chunk, size)
    size += chunk.length
  }
  if (size < bytes.length) throw wrongSize(descriptor, `it has ${size} bytes`, what)
  if ((await digestAside(bytes)) !== descriptor.digest)
    throw new RemoteCacheError('CACHE_INVALID', `${what}: its bytes have another digest`)
  return bytes
}

/** A document whose size nobody told, in memory.
 * @throws {RemoteCacheError} `CACHE_INVALID` where it has more than `limit` bytes */
export async function readAtMost(data: ByteStream, limit: number, what: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of data) {
    size += chunk.length
    if (size > limit) throw new RemoteCacheError('CACHE_INVALID', `${what}: it is longer than ${limit} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
