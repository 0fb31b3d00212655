import type { RepositoryListings } from '@tsbuild/spec'
import type { Database } from '../database/database.js'
import { referrerKey, referrerRows, repositoryRows, tagRows, within } from './tables.js'

export function createListings(db: Database): RepositoryListings {
  return {
    *repositories(after) {
      for (const { key } of repositoryRows.entries(db, '', after)) yield key
    },
    tags: (repository, after) => (repositoryRows.has(db, repository) ? tagsOf(db, repository, after) : undefined),
    *referrers(repository, subject, after) {
      const from = after === undefined ? undefined : referrerKey(repository, subject, after)
      for (const { value } of referrerRows.entries(db, referrerKey(repository, subject, ''), from)) yield value
    },
  }
}

function* tagsOf(db: Database, repository: string, after: string | undefined): Generator<string> {
  const prefix = within(repository, '')
  for (const { key } of tagRows.entries(db, prefix, after === undefined ? undefined : within(repository, after))) {
    yield key.slice(prefix.length)
  }
}
