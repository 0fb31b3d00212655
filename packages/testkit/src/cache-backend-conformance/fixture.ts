import { createHash } from 'node:crypto'
import {
  type ByteStream,
  type CacheBackend,
  type Descriptor,
  type Digest,
  digestFromHex,
  digestOf,
} from '@tsbuild/spec'

/** A fresh place for a cache. */
export interface CacheUnderTest extends AsyncDisposable {
  /** Opens the cache in this place, as one more process would do it. */
  open(): CacheBackend
  /** Damages the record that lies there. */
  damage(record: Digest): Promise<void>
  /** What a title must not hold. */
  readonly secrets?: readonly string[]
}

export type OpenCacheUnderTest = () => Promise<CacheUnderTest>

/** Bytes that differ from piece to piece, made as they are read. */
export interface Blob {
  readonly descriptor: Descriptor
  open(offset: number): ByteStream
}

const pieceBytes = 1 << 16

/** A blob of `size` bytes; another `seed`, another blob. */
export function blobOf(seed: string, size: number): Blob {
  const hash = createHash('sha256')
  for (const piece of pieces(seed, size, 0)) hash.update(piece)
  return {
    descriptor: { mediaType: 'application/octet-stream', digest: digestFromHex(hash.digest('hex')), size },
    open: async function* (offset) {
      yield* pieces(seed, size, offset)
    },
  }
}

function* pieces(seed: string, size: number, offset: number): Generator<Uint8Array> {
  for (let at = 0; at < size; at += pieceBytes) {
    const end = Math.min(size, at + pieceBytes)
    if (end <= offset) continue
    const piece = Buffer.alloc(end - at, `${seed} ${at} `)
    yield piece.subarray(Math.max(0, offset - at))
  }
}

export async function putBlob(cache: CacheBackend, blob: Blob): Promise<void> {
  await cache.put(blob.descriptor, blob.open)
}

/** Digest and size of what a stream gives. */
export async function measure(data: ByteStream): Promise<{ readonly digest: Digest; readonly size: number }> {
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of data) {
    hash.update(chunk)
    size += chunk.length
  }
  return { digest: digestFromHex(hash.digest('hex')), size }
}

export function identityOf({ digest, size }: Descriptor): { readonly digest: Digest; readonly size: number } {
  return { digest, size }
}

/** The error that `work` rejects with. */
export async function failureOf(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

export function absentDigest(index: number): Digest {
  return digestOf(`nothing has this digest ${index}`)
}
