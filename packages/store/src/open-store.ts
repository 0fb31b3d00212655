import { resolve } from 'node:path'
import type { SessionLocks } from '@tsbuild/spec'
import { allRecords, createCacheStore, dropRecords } from './cache/cache-records.js'
import { checkStore } from './check/check-store.js'
import { createContainerTable } from './containers/container-table.js'
import { createContentStore } from './content/content-store.js'
import { createIngests } from './content/ingests.js'
import { createBootStamps } from './database/boot-stamps.js'
import type { Database } from './database/database.js'
import { emptyDatabase } from './database/empty-database.js'
import { openLmdb } from './database/lmdb-database.js'
import { createMetadata } from './database/metadata.js'
import { createSyncer, syncByProgram } from './database/syncer.js'
import { collectGarbage } from './garbage/collect-garbage.js'
import { resourceUses, takeUnleased } from './garbage/resource-uses.js'
import { sweep } from './garbage/sweep.js'
import { takeUnused } from './garbage/take-snapshots.js'
import { createImageNames } from './images/image-names.js'
import { createLayoutIndex } from './images/layout-index.js'
import { createLayerTables } from './layers/layer-tables.js'
import { createLeases } from './leases/leases.js'
import { createRepositories } from './repositories/create-repositories.js'
import { type Ballast, createBallast } from './root/ballast.js'
import { findRoot, prepareRoot } from './root/prepare-root.js'
import { type RootPaths, rootPaths } from './root/root-paths.js'
import type { OpenStoreOptions, Store } from './store.js'

/** Opens the store of a root folder, and makes it (mode 0710, its folders 0700) where there is none. Costs a handful of system
 * calls and the start of the database, whatever is in it.
 * @param options.sessions must outlive the store
 * @throws {StoreError} `ROOT_UNUSABLE`, `ROOT_READ_ONLY`, `STORE_FULL`, `FORMAT_TOO_NEW`, `METADATA_FAILED` */
export async function openStore(
  root: string,
  options: OpenStoreOptions & { readonly sessions: SessionLocks },
): Promise<Store> {
  const { sessions, readonly = false, syncFileSystem } = options
  const paths = rootPaths(resolve(root))
  const ballast = createBallast(paths)
  const db = openDatabase(paths, readonly, ballast)
  const stamps = createBootStamps(db)
  const syncer = createSyncer(paths.root, stamps, syncFileSystem ?? syncByProgram)
  // Asked for late: whoever only reads needs no session.
  const session = () => sessions.session
  const ingests = readonly ? undefined : createIngests(paths, session)
  let swept: Promise<unknown> | undefined
  const sweepOnce = () => {
    swept ??= Promise.all([ballast.fill(), sweep(paths, db, sessions)]).catch(() => {})
    return swept
  }
  const content = createContentStore(paths, {
    ingests,
    beforeWrite: sweepOnce,
    afterRemove: (digest) => layout.withoutBlob(digest),
  })
  const layout = createLayoutIndex(db, paths, session, (digest) => content.readSmall(digest))
  if (!readonly) syncer.catchUp()
  const leases = createLeases(db, session)
  const { syncBlobs } = layout
  const images = createImageNames(db, layout)
  const cache = createCacheStore(db, stamps, syncer.schedule)
  let closing: Promise<void> | undefined
  const close = async () => {
    await swept
    syncer[Symbol.dispose]()
    await ingests?.[Symbol.asyncDispose]()
    await db[Symbol.asyncDispose]()
  }
  return {
    root: paths.root,
    content,
    images,
    layers: createLayerTables(db, stamps, syncer.schedule),
    cache,
    records: () => allRecords(db),
    leases,
    containers: createContainerTable(db),
    repositories: createRepositories({ paths, db, content, leases, sessions, readonly, syncBlobs }),
    metadata: createMetadata(db),
    sweep: () => sweep(paths, db, sessions),
    collectGarbage: (garbage = {}) => collectGarbage({ paths, db, content, sessions }, garbage),
    check: (checks) =>
      checkStore({ paths, db, content, sessions, stamps, layout, images, cache, options: checks, corrupt: new Set() }),
    dropRecords: (records, reason) => dropRecords(db, records, reason),
    uses: () => resourceUses(db, sessions, (digest) => content.readSmall(digest)),
    takeUnleased: (name, take) => takeUnleased(db, sessions, name, take),
    takeLayer: (name, take) => takeUnused(db, sessions, name, take),
    sync: syncer.sync,
    [Symbol.asyncDispose]: () => (closing ??= close()),
  }
}

function openDatabase(paths: RootPaths, readonly: boolean, ballast: Ballast): Database {
  if (readonly) return findRoot(paths) ? openLmdb(paths.metadata, { readonly, onFull: () => false }) : emptyDatabase()
  prepareRoot(paths)
  return openLmdb(paths.metadata, { readonly, onFull: () => ballast.free() })
}
