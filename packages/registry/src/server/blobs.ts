import type { Digest, RepositoryStore } from '@tsbuild/spec'
import type { Exchange } from './exchange.js'
import { Failure } from './failure.js'
import { lookUpDigest } from './grammar.js'
import { parseRange } from './ranges.js'

/** GET and HEAD of a blob, whole or a range of it (distribution spec, "Pulling blobs"). */
export async function getBlob(
  exchange: Exchange,
  { blobs }: RepositoryStore,
  repository: string,
  text: string,
): Promise<void> {
  const digest = lookUpDigest(text)
  const size = digest && (await blobs.stat(repository, digest))
  if (digest === undefined || size === undefined) throw blobUnknown(text)
  const etag = `"${digest}"`
  const headers = {
    'content-type': 'application/octet-stream',
    'docker-content-digest': digest,
    etag,
    'accept-ranges': 'bytes',
    'cache-control': 'private, max-age=31536000, immutable',
  }
  if (matchesEtag(exchange.header('if-none-match'), etag)) return exchange.send(304, headers)
  const condition = exchange.header('if-range')
  const range = condition === undefined || condition === etag ? parseRange(exchange.header('range'), size) : 'all'
  if (range === 'none') {
    const headers = { 'content-range': `bytes */${size}` }
    throw new Failure(416, 'UNSUPPORTED', 'the range is behind the end of the blob', { headers })
  }
  if (range === 'all') return exchange.stream(200, headers, size, () => blobs.read(digest, size))
  const { start, end } = range
  const partial = { ...headers, 'content-range': `bytes ${start}-${end}/${size}` }
  return exchange.stream(206, partial, end - start + 1, () => blobs.read(digest, size, { offset: start }))
}

/** DELETE of a blob: this repository does not have it any more. */
export async function deleteBlob(
  exchange: Exchange,
  { blobs }: RepositoryStore,
  repository: string,
  text: string,
): Promise<void> {
  const digest = lookUpDigest(text)
  if (digest === undefined || !(await blobs.remove(repository, digest))) throw blobUnknown(text)
  exchange.send(202, { 'docker-content-digest': digest })
}

/** The answer to a blob that has come, or was mounted. */
export function blobCreated(exchange: Exchange, repository: string, digest: Digest): void {
  exchange.send(201, { location: `/v2/${repository}/blobs/${digest}`, 'docker-content-digest': digest })
}

/** Whether one of the entity tags of an `If-None-Match` is this one. */
export function matchesEtag(header: string | undefined, etag: string): boolean {
  return header?.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag) ?? false
}

function blobUnknown(digest: string): Failure {
  return new Failure(404, 'BLOB_UNKNOWN', 'blob unknown to this repository', { detail: { digest } })
}
