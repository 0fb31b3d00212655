import type { Digest } from '@tsbuild/spec'
import type { Database, Reader } from '../database/database.js'
import { unlinkBlob } from './repository-blobs.js'
import { linkRows, manifestRows, within } from './tables.js'

/** A blob that no manifest of its repository names is kept for a day: its push may still be under way. */
const unusedLinkMs = 86_400_000

/** Marks what repositories have: their manifests, what those name, and blobs that may still get a manifest.
 * @returns links (`<repository>:<digest>`) that are of no use any more */
export async function markRepositories(db: Reader, reached: Set<string>, now: number): Promise<ReadonlySet<string>> {
  const used = new Set<string>()
  for await (const { key, value } of manifestRows.unhurried(db)) {
    const { repository, digest } = splitKey(key)
    reached.add(digest)
    for (const name of value.names) {
      reached.add(name)
      used.add(within(repository, name))
    }
  }
  const unused = new Set<string>()
  for await (const { key, value } of linkRows.unhurried(db)) {
    if (value.at >= now - unusedLinkMs) reached.add(splitKey(key).digest)
    else if (!used.has(key)) unused.add(key)
  }
  return unused
}

/** Forgets links that were of no use when they were marked, and that nobody has looked for since. */
export async function forgetLinks(db: Database, unused: ReadonlySet<string>, now: number): Promise<void> {
  if (unused.size === 0) return
  await db.update((tx) => {
    const named = new Set<string>()
    for (const { key, value } of manifestRows.entries(tx)) {
      for (const name of value.names) named.add(within(splitKey(key).repository, name))
    }
    for (const key of unused) {
      const row = linkRows.get(tx, key)
      if (row === undefined || row.at >= now - unusedLinkMs || named.has(key)) continue
      const { repository, digest } = splitKey(key)
      unlinkBlob(tx, repository, digest)
    }
  })
}

function splitKey(key: string): { readonly repository: string; readonly digest: Digest } {
  const colon = key.indexOf(':')
  return { repository: key.slice(0, colon), digest: key.slice(colon + 1) as Digest }
}
