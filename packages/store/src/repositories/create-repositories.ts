import { join } from 'node:path'
import type { ContentStore, RepositoryStore, SessionLocks } from '@tsbuild/spec'
import type { Database } from '../database/database.js'
import type { Leases } from '../leases/leases.js'
import type { RootPaths } from '../root/root-paths.js'
import { createBlobUploads } from './blob-uploads.js'
import { createListings } from './listings.js'
import { createRepositoryBlobs } from './repository-blobs.js'
import { createRepositoryManifests } from './repository-manifests.js'

/** What the parts of a store's repositories work on. */
export interface RepositoryContext {
  readonly paths: RootPaths
  readonly db: Database
  readonly content: ContentStore
  readonly leases: Leases
  readonly sessions: SessionLocks
  readonly readonly: boolean
  /** Makes sure that the names of blobs survive a power cut. */
  readonly syncBlobs: () => Promise<void>
}

/** The repositories of a root folder, for a registry server. */
export function createRepositories(context: RepositoryContext): RepositoryStore {
  return {
    blobs: createRepositoryBlobs(context),
    uploads: createBlobUploads(context, join(context.paths.root, 'uploads')),
    manifests: createRepositoryManifests(context),
    listings: createListings(context.db),
  }
}
