import { statSync } from 'node:fs'
import { type Digest, isDigest } from '@tsbuild/spec'
import type { Reader, Transaction } from '../database/database.js'
import { unlinkBlob } from '../repositories/repository-blobs.js'
import { removeManifestRows } from '../repositories/repository-manifests.js'
import { linkRows, manifestRows, referrerRows, tagRows, within } from '../repositories/tables.js'
import { type CheckContext, hasGoodBlob } from './context.js'
import type { Problem } from './finding.js'

/** Looks for the blobs that repositories have, and for the manifests that tags and referrers name. */
export async function* checkRepositories(context: CheckContext): AsyncGenerator<Problem> {
  const { db, options } = context
  let done = 0
  const step = () => {
    options.signal?.throwIfAborted()
    options.onProgress?.('repositories', ++done)
  }
  for await (const { key } of linkRows.unhurried(db)) {
    step()
    const { repository, name } = splitKey(key)
    const isLost = (from: Reader) => {
      const row = linkRows.get(from, key)
      return row !== undefined && !isThere(context, name as Digest, row.size)
    }
    yield* problem(context, isLost, (tx) => unlinkBlob(tx, repository, name as Digest), {
      kind: 'repositoryBlobMissing',
      subject: key,
      state: 'its blob is not there',
      repair: 'take it out of the repository, so that it can be pushed again',
    })
  }
  for await (const { key } of manifestRows.unhurried(db)) {
    step()
    const { repository, name } = splitKey(key)
    const isLost = (from: Reader) => manifestRows.has(from, key) && !hasGoodBlob(context, name as Digest)
    yield* problem(context, isLost, (tx) => removeManifestRows(tx, repository, name as Digest), {
      kind: 'repositoryManifestMissing',
      subject: key,
      state: 'its manifest is not there',
      repair: 'take it and its tags out of the repository',
    })
  }
  for await (const { key } of tagRows.unhurried(db)) {
    step()
    const isLost = (from: Reader) => {
      const digest = tagRows.get(from, key)
      return digest !== undefined && !hasManifest(from, splitKey(key).repository, digest)
    }
    yield* problem(context, isLost, (tx) => tagRows.remove(tx, key), {
      kind: 'repositoryManifestMissing',
      subject: key,
      state: 'the manifest of this tag is not there',
      repair: 'take the tag away',
    })
  }
  for await (const { key } of referrerRows.unhurried(db)) {
    step()
    const isLost = (from: Reader) => {
      const row = referrerRows.get(from, key)
      return row !== undefined && !hasManifest(from, splitKey(key).repository, row.digest)
    }
    yield* problem(context, isLost, (tx) => referrerRows.remove(tx, key), {
      kind: 'repositoryManifestMissing',
      subject: key,
      state: 'the manifest that refers to it is not there',
      repair: 'forget that it does',
    })
  }
}

function* problem(
  { db }: CheckContext,
  isLost: (from: Reader) => boolean,
  mend: (tx: Transaction) => unknown,
  what: Pick<Problem, 'kind' | 'subject' | 'state' | 'repair'>,
): Generator<Problem> {
  if (!isLost(db)) return
  db.refresh()
  if (!isLost(db)) return
  yield {
    ...what,
    severity: 'error',
    mend: () =>
      db.update((tx) => {
        if (!isLost(tx)) return false
        mend(tx)
        return true
      }),
  }
}

function isThere(context: CheckContext, digest: Digest, size: number): boolean {
  const file = statSync(context.content.blobPath(digest), { throwIfNoEntry: false })
  return file?.size === size && !context.corrupt.has(digest)
}

/** The row and the document itself: one without the other is told by itself. */
function hasManifest(from: Reader, repository: string, digest: string): boolean {
  return manifestRows.has(from, within(repository, digest)) && isDigest(digest)
}

function splitKey(key: string): { readonly repository: string; readonly name: string } {
  const colon = key.indexOf(':')
  return { repository: key.slice(0, colon), name: key.slice(colon + 1) }
}
