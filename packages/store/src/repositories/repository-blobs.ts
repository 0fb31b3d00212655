import { stat, utimes } from 'node:fs/promises'
import type { ContentStore, Digest, RepositoryBlobs } from '@tsbuild/spec'
import type { Database, Reader, Transaction } from '../database/database.js'
import type { RepositoryContext } from './create-repositories.js'
import { readBlobFile } from './read-blob.js'
import { holderKey, holderRows, linkRows, within } from './tables.js'

/** A link that is looked for again after this time counts as new: its blob is wanted for a push that is under way. */
const renewAfterMs = 3_600_000

export function createRepositoryBlobs(context: RepositoryContext): RepositoryBlobs {
  const { db, content, leases, readonly } = context
  /** The lease comes first: no collection that is under way takes the blob between the look and the link. */
  const link = async (repository: string, digest: Digest): Promise<number | undefined> => {
    await using _lease = await leases.acquire({ kind: 'blob', digest })
    const size = await sizeOf(content, digest)
    if (size !== undefined) await linkBlob(db, repository, digest, size)
    return size
  }
  return {
    async stat(repository, digest) {
      const row = linkRows.get(db, within(repository, digest))
      if (row === undefined) return undefined
      if (!readonly && Date.now() - row.at > renewAfterMs) return link(repository, digest)
      return sizeOf(content, digest)
    },
    read: (digest, size, { offset = 0 } = {}) => readBlobFile(content.blobPath(digest), digest, size, offset),
    async mount(repository, digest, from) {
      const known = from === undefined ? hasHolder(db, digest) : linkRows.has(db, within(from, digest))
      return known && (await link(repository, digest)) !== undefined
    },
    remove: (repository, digest) =>
      db.update((tx) => {
        if (!linkRows.has(tx, within(repository, digest))) return false
        unlinkBlob(tx, repository, digest)
        return true
      }),
  }
}

/** Gives a repository a blob that is there. */
export function linkBlob(db: Database, repository: string, digest: Digest, size: number): Promise<void> {
  return db.update((tx) => {
    linkRows.put(tx, within(repository, digest), { size, at: Date.now() })
    holderRows.put(tx, holderKey(digest, repository), true)
  })
}

export function unlinkBlob(tx: Transaction, repository: string, digest: Digest): void {
  linkRows.remove(tx, within(repository, digest))
  holderRows.remove(tx, holderKey(digest, repository))
}

/** Makes a blob that is there count as new; tells whether it is there whole. */
export async function touchBlob(content: ContentStore, digest: Digest, size: number): Promise<boolean> {
  if ((await sizeOf(content, digest)) !== size) return false
  const now = new Date()
  return utimes(content.blobPath(digest), now, now).then(
    () => true,
    () => false,
  )
}

/** `undefined` where the blob is not there as a file. */
export async function sizeOf(content: ContentStore, digest: Digest): Promise<number | undefined> {
  return (await stat(content.blobPath(digest)).catch(() => undefined))?.size
}

function hasHolder(from: Reader, digest: Digest): boolean {
  for (const _row of holderRows.entries(from, holderKey(digest, ''))) return true
  return false
}
