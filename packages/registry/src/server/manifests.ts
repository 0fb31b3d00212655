import {
  type Digest,
  digestOf,
  type ManifestPutResult,
  type RepositoryManifest,
  type RepositoryManifests,
  type RepositoryStore,
} from '@tsbuild/spec'
import type { ServerWorker } from '../server-worker.js'
import { matchesEtag } from './blobs.js'
import type { Exchange } from './exchange.js'
import { Failure } from './failure.js'
import { isTag, lookUpDigest, storeDigest } from './grammar.js'

/** What the distribution spec asks registries to take at least. */
const maxManifestBytes = 4 << 20

/** GET and HEAD of a manifest by tag or digest (distribution spec, "Pulling manifests"). */
export function getManifest(
  exchange: Exchange,
  { manifests }: RepositoryStore,
  repository: string,
  reference: string,
): void {
  const manifest = find(manifests, repository, reference)
  const { digest, mediaType } = manifest
  const etag = `"${digest}"`
  const headers = { 'content-type': mediaType, 'docker-content-digest': digest, etag }
  if (matchesEtag(exchange.header('if-none-match'), etag)) {
    exchange.send(304, headers)
    return
  }
  const bytes = manifests.read(manifest)
  if (bytes === undefined) throw manifestUnknown(reference)
  exchange.send(200, headers, bytes)
}

/** A manifest to put, as a request names it. */
interface ManifestTarget {
  readonly storage: RepositoryStore
  readonly worker: ServerWorker
  readonly repository: string
  readonly reference: string
}

/** PUT of a manifest by tag or digest (distribution spec, "Pushing Manifests"). */
export async function putManifest(
  exchange: Exchange,
  { storage, worker, repository, reference }: ManifestTarget,
): Promise<void> {
  const wanted = isTag(reference) ? undefined : digestToPut(reference)
  const bytes = await exchange.wholeBody(maxManifestBytes, () => {
    return new Failure(413, 'MANIFEST_INVALID', `the manifest is larger than ${maxManifestBytes} bytes`)
  })
  const digest = digestOf(bytes)
  if (wanted !== undefined && wanted !== digest)
    throw new Failure(400, 'DIGEST_INVALID', 'the manifest has another digest', { detail: { digest: wanted } })
  const content = await worker.readManifest(bytes, exchange.header('content-type'))
  const tag = wanted === undefined ? { tag: reference } : {}
  checkResult(await storage.manifests.put(repository, { ...content, bytes, ...tag }))
  const subject = content.referrer?.subject
  exchange.send(201, {
    location: `/v2/${repository}/manifests/${digest}`,
    'docker-content-digest': digest,
    ...(subject === undefined ? {} : { 'oci-subject': subject }),
  })
}

/** DELETE of a manifest with its tags, or of a tag alone (distribution spec, "Content Management"). */
export async function deleteManifest(
  exchange: Exchange,
  { manifests }: RepositoryStore,
  repository: string,
  reference: string,
): Promise<void> {
  const digest = reference.includes(':') ? lookUpDigest(reference) : undefined
  const known =
    digest === undefined
      ? isTag(reference) && (await manifests.removeTag(repository, reference))
      : await manifests.remove(repository, digest)
  if (!known) throw manifestUnknown(reference)
  exchange.send(202)
}

function find(manifests: RepositoryManifests, repository: string, reference: string): RepositoryManifest {
  const digest = reference.includes(':') ? lookUpDigest(reference) : undefined
  const known = digest ?? (isTag(reference) ? reference : undefined)
  const manifest = known === undefined ? undefined : manifests.find(repository, known)
  if (manifest === undefined) throw manifestUnknown(reference)
  return manifest
}

function digestToPut(reference: string): Digest {
  if (reference.includes(':')) return storeDigest(reference)
  throw new Failure(400, 'TAG_INVALID', 'invalid tag', { detail: { tag: reference.slice(0, 300) } })
}

function checkResult(result: ManifestPutResult): void {
  if ('digest' in result) return
  const { missing, resized } = result
  if (missing.length > 0) {
    const detail = missing.slice(0, 100).map((digest) => ({ digest }))
    throw new Failure(400, 'MANIFEST_BLOB_UNKNOWN', 'blob unknown to this repository', { detail })
  }
  throw new Failure(400, 'MANIFEST_INVALID', `the size of ${resized[0]} is not that of its blob`)
}

function manifestUnknown(reference: string): Failure {
  return new Failure(404, 'MANIFEST_UNKNOWN', 'manifest unknown', { detail: { reference: reference.slice(0, 300) } })
}
