import {
  type ByteStream,
  type Descriptor,
  digestOf,
  formatReference,
  hasCode,
  type Ingest,
  type Reference,
  TsbuildError,
} from '@tsbuild/spec'
import type { BlobSink, TransferOptions } from './api.js'
import { RegistryError } from './errors.js'
import type { Purpose } from './http/failure.js'
import type { ApiResponse, RegistryHttp } from './http/registry-http.js'
import { maxManifestBytes } from './manifest-document.js'
import { apiPath, pullScope } from './paths.js'
import { throttledProgress } from './progress.js'

/** An error of whoever takes the bytes: never retried. */
class SinkFailure extends Error {}

/** Streams a blob into a sink, continued by range requests after interruptions. */
export async function pullBlob(
  http: RegistryHttp,
  reference: Reference,
  descriptor: Descriptor,
  sink: BlobSink,
  options: TransferOptions,
): Promise<void> {
  let resumed = false
  const watched: BlobSink = {
    async openIngest(id) {
      const ingest = await sink.openIngest(id)
      resumed = ingest.offset > 0
      return ingest
    },
  }
  try {
    await pullOnce(http, reference, descriptor, watched, options)
  } catch (error) {
    // Part of it came from an earlier attempt, or from a mirror, that may have been the wrong one.
    if (!resumed || !hasCode(error, 'DIGEST_MISMATCH')) throw error
    await pullOnce(http, reference, descriptor, sink, options)
  }
}

async function pullOnce(
  http: RegistryHttp,
  reference: Reference,
  descriptor: Descriptor,
  sink: BlobSink,
  { signal, onProgress }: TransferOptions,
): Promise<void> {
  await using ingest = await sink.openIngest(descriptor)
  const report = throttledProgress(onProgress, descriptor.size)
  let received = ingest.offset
  report(received)
  const attempts = http.attempts(signal)
  const purpose: Purpose = {
    what: `Cannot pull blob ${descriptor.digest} of "${formatReference(reference)}"`,
    host: reference.registry,
    notFound: 'BLOB_NOT_FOUND',
  }
  while (received < descriptor.size) {
    let response: ApiResponse | undefined
    try {
      response = await request(http, reference, descriptor, received, signal)
      if (response.status !== 200 && response.status !== 206) {
        if (await attempts.afterResponse(response)) continue
        // Asked to go on from there, the registry says that it has no more.
        if (response.status === 416 && received > 0) {
          response.discard()
          throw truncated(descriptor, received, purpose)
        }
        throw await http.responseError(reference.registry, response, purpose)
      }
      for await (const chunk of wanted(response, received, descriptor, purpose)) {
        await take(ingest, chunk)
        received += chunk.length
        attempts.progressed()
        report(received)
      }
      if (received === descriptor.size) break
      throw Object.assign(truncated(descriptor, received, purpose), { status: 503 })
    } catch (error) {
      if (error instanceof SinkFailure) throw error.cause
      if (await attempts.afterError(error)) continue
      signal?.throwIfAborted()
      if (received > 0 && !(error instanceof TsbuildError)) throw truncated(descriptor, received, purpose, error)
      throw http.connectionError(error, purpose)
    }
  }
  await commit(ingest, purpose)
}

function request(
  http: RegistryHttp,
  reference: Reference,
  descriptor: Descriptor,
  offset: number,
  signal: AbortSignal | undefined,
): Promise<ApiResponse> {
  return http.send({
    registry: reference.registry,
    method: 'GET',
    target: apiPath(reference, 'blobs', descriptor.digest),
    scopes: [pullScope(reference.repository)],
    // Bytes are wanted as they are stored: a transfer coding by a proxy would change their count.
    headers: { 'accept-encoding': 'identity', ...(offset === 0 ? {} : { range: `bytes=${offset}-` }) },
    signal,
  })
}

/** The bytes from `received` on, however much of the blob the server sends.
 * @throws {RegistryError} `BLOB_OVERSIZED`, `REGISTRY_FAILED` */
async function* wanted(response: ApiResponse, received: number, descriptor: Descriptor, purpose: Purpose): ByteStream {
  let at = startOf(response, received, purpose)
  const length = Number(response.headers['content-length'] ?? Number.NaN)
  const oversized = () =>
    new RegistryError(
      'BLOB_OVERSIZED',
      `${purpose.what}: it is longer than the ${descriptor.size} bytes of its descriptor`,
    )
  if (at + length > descriptor.size) {
    response.discard()
    throw oversized()
  }
  for await (const chunk of response.body) {
    const skip = Math.min(chunk.length, Math.max(0, received - at))
    at += chunk.length
    if (at > descriptor.size) throw oversized()
    if (skip < chunk.length) yield skip === 0 ? chunk : chunk.subarray(skip)
  }
}

function startOf(response: ApiResponse, received: number, { what }: Purpose): number {
  if (response.status === 200) return 0
  const start = /^bytes (\d+)-/.exec(response.headers['content-range'] ?? '')?.[1]
  if (start !== undefined && Number(start) <= received) return Number(start)
  response.discard()
  throw new RegistryError('REGISTRY_FAILED', `${what}: "${response.url.host}" sent another range than asked for`)
}

async function take(ingest: Ingest, chunk: Uint8Array): Promise<void> {
  try {
    await ingest.write(chunk)
  } catch (cause) {
    throw new SinkFailure('the sink failed', { cause })
  }
}

function truncated(descriptor: Descriptor, received: number, { what }: Purpose, cause?: unknown): RegistryError {
  return new RegistryError('BLOB_TRUNCATED', `${what}: it ended after ${received} of ${descriptor.size} bytes`, {
    cause,
  })
}

async function commit(ingest: Ingest, { what }: Purpose): Promise<void> {
  try {
    await ingest.commit()
  } catch (cause) {
    if (cause instanceof TsbuildError && cause.code === 'BLOB_DIGEST_MISMATCH') {
      throw new RegistryError('DIGEST_MISMATCH', `${what}: its bytes have another digest`, { cause })
    }
    throw cause
  }
}

/** A small blob in memory. */
export async function readBlob(
  http: RegistryHttp,
  reference: Reference,
  descriptor: Descriptor,
  options: TransferOptions,
): Promise<Uint8Array> {
  const what = `Cannot pull blob ${descriptor.digest} of "${formatReference(reference)}"`
  if (descriptor.size > maxManifestBytes)
    throw new RegistryError('BLOB_OVERSIZED', `${what}: it is too large to be held in memory`)
  const bytes = Buffer.alloc(descriptor.size)
  let offset = 0
  const ingest: Ingest = {
    offset: 0,
    async write(chunk) {
      bytes.set(chunk, offset)
      offset += chunk.length
    },
    async commit() {
      if (digestOf(bytes) !== descriptor.digest)
        throw new RegistryError('DIGEST_MISMATCH', `${what}: its bytes have another digest`)
    },
    async [Symbol.asyncDispose]() {},
  }
  await pullBlob(http, reference, descriptor, { openIngest: async () => ingest }, options)
  return bytes
}
