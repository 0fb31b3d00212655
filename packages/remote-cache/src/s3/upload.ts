import type { ByteStream, CallOptions } from '@tsbuild/spec'
import type { S3Client } from './sdk.js'

/** What a part of an upload is sent with. */
export interface UploadTarget {
  readonly sdk: typeof import('./sdk.js')
  readonly client: S3Client
  readonly object: { readonly Bucket: string; readonly Key: string }
  readonly mediaType: string
}

/** Parts on their way at once; one more is being filled meanwhile. */
const partsAtOnce = 2

/** Milliseconds that a server has to throw the parts of a failed upload away. */
const cleanupMs = 10_000

/** Writes an object from a stream, whole or not at all: at once where it fits into one part, else in parts that a last request makes
 * an object. Nothing becomes an object where the stream fails.
 * @param cleanUp is given what throws the parts of a failed upload away */
export async function upload(
  target: UploadTarget,
  data: ByteStream,
  partBytes: number,
  { signal }: CallOptions,
  cleanUp: (work: Promise<unknown>) => void,
): Promise<void> {
  const { sdk, client, object, mediaType } = target
  const parts = partsOf(data, partBytes)
  const options = signal === undefined ? {} : { abortSignal: signal }
  const first = await parts.next()
  if (first.done || first.value.last) {
    const body = first.done ? Buffer.alloc(0) : first.value.bytes
    await client.send(new sdk.PutObjectCommand({ ...object, Body: body, ContentType: mediaType }), options)
    return
  }
  try {
    const command = new sdk.CreateMultipartUploadCommand({ ...object, ContentType: mediaType })
    const { UploadId: id } = await client.send(command, options)
    if (id === undefined) throw new Error('the server gave the upload no id')
    try {
      await sendParts(target, id, first.value, parts, options)
    } catch (error) {
      const command = new sdk.AbortMultipartUploadCommand({ ...object, UploadId: id })
      cleanUp(client.send(command, { abortSignal: AbortSignal.timeout(cleanupMs) }))
      throw error
    }
  } finally {
    await parts.return(undefined)
  }
}

async function sendParts(
  { sdk, client, object }: UploadTarget,
  id: string,
  first: Part,
  parts: AsyncIterator<Part>,
  options: { abortSignal?: AbortSignal },
): Promise<void> {
  const upload = { ...object, UploadId: id }
  const sent: { readonly PartNumber: number; readonly ETag: string | undefined }[] = []
  const flying = new Set<Promise<void>>()
  let failure: { readonly error: unknown } | undefined
  const send = async ({ number, bytes }: Part) => {
    const command = new sdk.UploadPartCommand({ ...upload, PartNumber: number, Body: bytes })
    try {
      sent.push({ PartNumber: number, ETag: (await client.send(command, options)).ETag })
    } catch (error) {
      failure ??= { error }
    }
  }
  try {
    for (let part: Part | undefined = first; part !== undefined; part = await nextOf(parts)) {
      const flight = send(part).finally(() => flying.delete(flight))
      flying.add(flight)
      if (flying.size >= partsAtOnce) await Promise.race(flying)
      if (failure !== undefined) break
    }
  } finally {
    // Parts that come after the upload was thrown away would stay.
    await Promise.all(flying)
  }
  if (failure !== undefined) throw failure.error
  sent.sort((a, b) => a.PartNumber - b.PartNumber)
  await client.send(new sdk.CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: sent } }), options)
}

async function nextOf(parts: AsyncIterator<Part>): Promise<Part | undefined> {
  const next = await parts.next()
  return next.done ? undefined : next.value
}

interface Part {
  /** From 1. */
  readonly number: number
  readonly bytes: Uint8Array
  readonly last: boolean
}

/** Cuts a stream into parts of `size` bytes; the last one has the rest, and comes when the stream has ended well. */
async function* partsOf(data: ByteStream, size: number): AsyncGenerator<Part, void, undefined> {
  let number = 1
  let held: Uint8Array[] = []
  let length = 0
  const part = (last: boolean): Part => ({ number, bytes: Buffer.concat(held, length), last })
  for await (const chunk of data) {
    for (let at = 0; at < chunk.length; ) {
      if (length === size) {
        yield part(false)
        number++
        held = []
        length = 0
      }
      const piece = chunk.subarray(at, at + size - length)
      held.push(piece)
      length += piece.length
      at += piece.length
    }
  }
  yield part(true)
}
