import {
  type ContentStore,
  type Digest,
  digestOf,
  isDigest,
  type ManifestPut,
  type ManifestPutResult,
  type RepositoryManifest,
  type RepositoryManifests,
} from '@tsbuild/spec'
import type { Reader, Transaction } from '../database/database.js'
import type { RepositoryContext } from './create-repositories.js'
import { sizeOf } from './repository-blobs.js'
import { linkRows, manifestRows, referrerKey, referrerRows, repositoryRows, tagRows, within } from './tables.js'

export function createRepositoryManifests(context: RepositoryContext): RepositoryManifests {
  const { db, content, leases, syncBlobs } = context
  return {
    find: (repository, reference) => findManifest(db, repository, reference),
    read: ({ digest }) => content.readSmall(digest),
    async put(repository, put) {
      const digest = digestOf(put.bytes)
      // Leased before they are looked for: no collection that is under way takes them.
      const leased = [{ digest }, ...put.blobs, ...put.manifests]
      await using _lease = await leases.acquire(...leased.map((one) => ({ kind: 'blob', digest: one.digest }) as const))
      const lacking = lackingOf(db, repository, put) ?? (await lostOf(content, put))
      if (lacking !== undefined) return lacking
      await content.writeBlob({ digest, size: put.bytes.length }, put.bytes)
      await syncBlobs()
      return db.update((tx) => {
        // Looked at again where nobody can take anything away meanwhile.
        const gone = lackingOf(tx, repository, put)
        if (gone === undefined) putRows(tx, repository, digest, put)
        return gone ?? { digest }
      })
    },
    remove: (repository, digest) => db.update((tx) => removeManifestRows(tx, repository, digest)),
    removeTag: (repository, tag) =>
      db.update((tx) => {
        const key = within(repository, tag)
        if (!tagRows.has(tx, key)) return false
        tagRows.remove(tx, key)
        return true
      }),
  }
}

function findManifest(from: Reader, repository: string, reference: string): RepositoryManifest | undefined {
  const digest = isDigest(reference) ? reference : tagRows.get(from, within(repository, reference))
  const row = digest && manifestRows.get(from, within(repository, digest))
  return row && { digest, mediaType: row.mediaType, size: row.size }
}

function lackingOf(from: Reader, repository: string, put: ManifestPut): ManifestPutResult | undefined {
  const missing: Digest[] = []
  const resized: Digest[] = []
  for (const { digest, size } of put.blobs) {
    const known = linkRows.get(from, within(repository, digest)) ?? manifestRows.get(from, within(repository, digest))
    if (known === undefined) missing.push(digest)
    else if (known.size !== size) resized.push(digest)
  }
  for (const { digest } of put.manifests) {
    const key = within(repository, digest)
    if (!manifestRows.has(from, key) && !linkRows.has(from, key)) missing.push(digest)
  }
  return missing.length + resized.length > 0 ? { missing, resized } : undefined
}

/** What the repository has by name only: somebody took the file away. */
async function lostOf(
  content: ContentStore,
  { blobs, manifests }: ManifestPut,
): Promise<ManifestPutResult | undefined> {
  const missing: Digest[] = []
  for (const { digest } of [...blobs, ...manifests]) {
    if ((await sizeOf(content, digest)) === undefined) missing.push(digest)
  }
  return missing.length > 0 ? { missing, resized: [] } : undefined
}

function putRows(tx: Transaction, repository: string, digest: Digest, put: ManifestPut): void {
  const { mediaType, bytes, tag, referrer } = put
  const subject = referrer?.subject
  const key = within(repository, digest)
  const before = manifestRows.get(tx, key)
  if (before?.subject !== undefined) referrerRows.remove(tx, referrerKey(repository, before.subject, digest))
  const names = [...new Set([...put.blobs, ...put.manifests].map((descriptor) => descriptor.digest))]
  manifestRows.put(tx, key, { mediaType, size: bytes.length, names, ...(subject === undefined ? {} : { subject }) })
  if (tag !== undefined) tagRows.put(tx, within(repository, tag), digest)
  if (referrer !== undefined) {
    const descriptor = { ...referrer.descriptor, digest, size: bytes.length }
    referrerRows.put(tx, referrerKey(repository, referrer.subject, digest), descriptor)
  }
  repositoryRows.put(tx, repository, true)
}

/** Takes a manifest out of a repository, with its tags, as a part of `tx`. */
export function removeManifestRows(tx: Transaction, repository: string, digest: Digest): boolean {
  const key = within(repository, digest)
  const row = manifestRows.get(tx, key)
  if (row === undefined) return false
  manifestRows.remove(tx, key)
  if (row.subject !== undefined) referrerRows.remove(tx, referrerKey(repository, row.subject, digest))
  for (const { key: tag, value } of tagRows.entries(tx, within(repository, ''))) {
    if (value === digest) tagRows.remove(tx, tag)
  }
  const others = [...manifestRows.entries(tx, within(repository, ''))].some((other) => other.key !== key)
  if (!others) repositoryRows.remove(tx, repository)
  return true
}
