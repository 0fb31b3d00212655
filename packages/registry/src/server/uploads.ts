import { type BlobUpload, hasCode, isDigest, type RepositoryStore } from '@tsbuild/spec'
import { blobCreated } from './blobs.js'
import type { Exchange } from './exchange.js'
import { Failure } from './failure.js'
import { isName, storeDigest } from './grammar.js'
import { parseChunkRange } from './ranges.js'
import type { UploadTurns } from './upload-turns.js'

/** An upload of a repository, as a request names it. */
export interface UploadTarget {
  readonly storage: RepositoryStore
  readonly turns: UploadTurns
  readonly repository: string
  readonly id: string
}

/** POST: begins an upload, takes a whole blob, or mounts one from another repository (distribution spec, "Pushing blobs"). */
export async function beginUpload(exchange: Exchange, target: Omit<UploadTarget, 'id'>): Promise<void> {
  const { storage, repository } = target
  const mount = exchange.query.get('mount')
  if (mount !== null && (await mountBlob(exchange, storage, repository, mount))) return
  const whole = mount === null ? exchange.query.get('digest') : null
  const digest = whole === null ? undefined : storeDigest(whole)
  const id = await storage.uploads.begin(repository)
  if (digest === undefined) return accepted(exchange, repository, id, 0)
  try {
    await finishUpload(exchange, { ...target, id })
  } catch (error) {
    await storage.uploads.cancel(repository, id)
    throw error
  }
}

async function mountBlob(
  exchange: Exchange,
  { blobs }: RepositoryStore,
  repository: string,
  digest: string,
): Promise<boolean> {
  const from = exchange.query.get('from') ?? undefined
  if (!isDigest(digest) || (from !== undefined && !isName(from))) return false
  if (!(await blobs.mount(repository, digest, from))) return false
  blobCreated(exchange, repository, digest)
  return true
}

/** GET: how far an upload came. */
export async function uploadStatus(exchange: Exchange, { storage, repository, id }: UploadTarget): Promise<void> {
  const offset = await storage.uploads.offset(repository, id)
  if (offset === undefined) throw uploadUnknown(id)
  exchange.send(204, uploadHeaders(repository, id, offset))
}

/** PATCH: the next chunk, or all that there is as one stream. */
export async function continueUpload(exchange: Exchange, target: UploadTarget): Promise<void> {
  const { repository, id } = target
  await withUpload(target, async (upload, signal) => {
    checkChunk(exchange, upload, repository, id)
    await receive(exchange, upload, signal)
    accepted(exchange, repository, id, upload.offset)
  })
}

/** PUT: the last chunk, if there is one, and the digest of the whole. */
export async function finishUpload(exchange: Exchange, target: UploadTarget): Promise<void> {
  const { repository, id } = target
  const text = exchange.query.get('digest')
  if (text === null) throw new Failure(400, 'DIGEST_INVALID', 'the digest of the blob is missing')
  const digest = storeDigest(text)
  await withUpload(target, async (upload, signal) => {
    checkChunk(exchange, upload, repository, id)
    await receive(exchange, upload, signal)
    await upload.commit(digest).catch((error: unknown) => {
      if (!hasCode(error, 'BLOB_DIGEST_MISMATCH')) throw error
      throw new Failure(400, 'DIGEST_INVALID', 'what came has another digest', { detail: { digest } })
    })
    blobCreated(exchange, repository, digest)
  })
}

/** DELETE: forgets an upload. */
export async function cancelUpload(exchange: Exchange, target: UploadTarget): Promise<void> {
  const { storage, turns, repository, id } = target
  const known = await turns.take(id, () => storage.uploads.cancel(repository, id))
  if (!known) throw uploadUnknown(id)
  exchange.send(204)
}

function withUpload(
  { storage, turns, repository, id }: UploadTarget,
  work: (upload: BlobUpload, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  return turns.take(id, async (superseded) => {
    const upload = await storage.uploads.open(repository, id)
    if (upload === undefined) throw uploadUnknown(id)
    await using held = upload
    await work(held, superseded)
  })
}

/** Chunks come in order: one that does not begin where the last ended is refused with where that is. */
function checkChunk(exchange: Exchange, upload: BlobUpload, repository: string, id: string): void {
  const header = exchange.header('content-range')
  if (header === undefined) return
  const range = parseChunkRange(header)
  if (range === undefined) throw new Failure(416, 'BLOB_UPLOAD_INVALID', 'invalid Content-Range')
  if (range.start !== upload.offset) {
    const headers = uploadHeaders(repository, id, upload.offset)
    throw new Failure(416, 'BLOB_UPLOAD_INVALID', `the chunk must begin at byte ${upload.offset}`, { headers })
  }
  const length = exchange.contentLength
  if (length !== undefined && length !== range.end - range.start + 1)
    throw new Failure(400, 'SIZE_INVALID', 'Content-Length and Content-Range differ')
}

async function receive(exchange: Exchange, upload: BlobUpload, signal: AbortSignal): Promise<void> {
  for await (const chunk of exchange.body(signal)) await upload.write(chunk)
  await upload.settle()
}

function accepted(exchange: Exchange, repository: string, id: string, offset: number): void {
  exchange.send(202, uploadHeaders(repository, id, offset))
}

/** The range's end is the last byte that is there; of an empty upload it is 0, too, as Docker's registry has it. */
function uploadHeaders(repository: string, id: string, offset: number): Record<string, string> {
  return {
    location: `/v2/${repository}/blobs/uploads/${id}`,
    range: `0-${Math.max(0, offset - 1)}`,
    'docker-upload-uuid': id,
  }
}

function uploadUnknown(id: string): Failure {
  return new Failure(404, 'BLOB_UPLOAD_UNKNOWN', 'no such upload', { detail: { id: id.slice(0, 100) } })
}
