import { randomBytes } from 'node:crypto'
import { renameSync, statSync } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type CallOptions,
  type ContentStore,
  type DiffID,
  type Digest,
  digestHex,
  faultPoint,
  isDigest,
  type SessionLocks,
  type SnapshotName,
} from '@tsbuild/spec'
import type { Database } from '../database/database.js'
import { jsonRows } from '../database/rows.js'
import { errnoOf } from '../errors.js'
import { blobRows, forgetSnapshots, layerRows } from '../layers/layer-tables.js'
import { leasedResources, leaseSessions } from '../leases/leases.js'
import { forgetLinks } from '../repositories/roots.js'
import type { RootPaths } from '../root/root-paths.js'
import { takeDeadSessions } from './dead-sessions.js'
import { type Marks, mark } from './mark.js'
import { type TakeSnapshot, takeSnapshots } from './take-snapshots.js'

export interface GarbageOptions extends CallOptions {
  /** Only report what would go. */
  readonly dryRun?: boolean
  /** Nothing younger than this is taken. Default 10 minutes. */
  readonly graceMs?: number
  /** Takes nothing but these blobs (digests), layers (diffIDs, whose known forms are forgotten) and snapshots (names). */
  readonly only?: ReadonlySet<string>
  /** Takes a committed snapshot that nothing refers to any more. Called within the transaction in which that was looked up; what it gives
   * is called behind it. Without it snapshots stay. */
  readonly takeSnapshot?: TakeSnapshot
  /** All committed snapshots: finds those that no table knows, e.g. after a crash. They go once they were seen twice, `graceMs` apart. */
  readonly listSnapshots?: () => Promise<readonly SnapshotName[]>
}

export interface GarbageReport {
  readonly blobs: number
  readonly blobBytes: number
  readonly snapshots: readonly SnapshotName[]
  /** Bytes in the files of those snapshots, as far as they are known. */
  readonly snapshotBytes: number
}

interface Context {
  readonly paths: RootPaths
  readonly db: Database
  readonly content: ContentStore
  readonly sessions: SessionLocks
}

/** When a snapshot was first seen that no table knows. */
const orphanRows = jsonRows<number>('orphans')
const defaultGraceMs = 600_000
/** So many go in one transaction: it holds up writers for a few milliseconds at most. */
const batchSize = 32

/** Mark and sweep. Between marking and taking, others go on: what they leased meanwhile is looked up again in the very transaction
 * that takes something away, and what they wrote is young. */
export async function collectGarbage(context: Context, options: GarbageOptions): Promise<GarbageReport> {
  const { db, content, sessions } = context
  const began = Date.now()
  const youngSince = began - (options.graceMs ?? defaultGraceMs)
  db.refresh()
  await using dead = takeDeadSessions(sessions, leaseSessions(db))
  db.refresh()
  const readSmall: ContentStore['readSmall'] = (digest) => content.readSmall(digest)
  const marks = await mark(db, readSmall, youngSince)
  const leased = (from: Parameters<typeof leasedResources>[0]) => leasedResources(from, dead.ids, began)
  const sweep: Sweep = { ...context, options, marks, leased, youngSince }
  const snapshots = options.takeSnapshot === undefined && options.dryRun !== true ? [] : await sweepSnapshots(sweep)
  const blobs = await sweepBlobs(sweep)
  if (options.dryRun !== true) {
    await forgetForms(sweep)
    if (options.only === undefined) await forgetLinks(db, marks.unusedLinks, Date.now())
  }
  return { ...blobs, ...{ snapshots: snapshots.map(({ name }) => name), snapshotBytes: sum(snapshots) } }
}

interface Sweep extends Context {
  readonly options: GarbageOptions
  readonly marks: Marks
  readonly leased: (from: Parameters<typeof leasedResources>[0]) => Set<string>
  readonly youngSince: number
}

interface Garbage<Name> {
  readonly name: Name
  readonly bytes: number
}

async function sweepBlobs(sweep: Sweep): Promise<Pick<GarbageReport, 'blobs' | 'blobBytes'>> {
  const { db, content, marks, options, youngSince } = sweep
  const leased = sweep.leased(db)
  let blobs = 0
  let blobBytes = 0
  let batch: Garbage<string>[] = []
  const flush = async () => {
    const taken = options.dryRun === true ? batch : await takeBlobs(sweep, batch)
    blobs += taken.length
    blobBytes += sum(taken)
    batch = []
  }
  for await (const digest of candidateBlobs(sweep)) {
    options.signal?.throwIfAborted()
    if (marks.reached.has(digest) || leased.has(digest)) continue
    const file = await stat(content.blobPath(digest)).catch(() => undefined)
    if (file === undefined || file.mtimeMs >= youngSince) continue
    batch.push({ name: digest, bytes: file.size })
    if (batch.length === batchSize) await flush()
  }
  await flush()
  return { blobs, blobBytes }
}

async function* candidateBlobs({ content, options }: Sweep): AsyncGenerator<Digest> {
  if (options.only !== undefined) yield* [...options.only].filter(isDigest)
  else for await (const { digest } of content.listBlobs()) yield digest
}

/** Renamed under the database's lock, which is quick; removed behind it, which may not be. */
async function takeBlobs(sweep: Sweep, batch: readonly Garbage<string>[]): Promise<Garbage<string>[]> {
  const { db, paths, sessions, youngSince } = sweep
  if (batch.length === 0) return []
  const trash: string[] = []
  const taken = await db.update((tx) => {
    const leased = sweep.leased(tx)
    return batch.filter(({ name }) => {
      if (leased.has(name)) return false
      const to = join(paths.ingest, `${sessions.session}.trash.${randomBytes(8).toString('hex')}`)
      if (!moveOld(join(paths.blobs, digestHex(name as Parameters<typeof digestHex>[0])), to, youngSince)) return false
      trash.push(to)
      return true
    })
  })
  faultPoint('blob.remove.before')
  await Promise.all(trash.map((path) => rm(path, { force: true })))
  faultPoint('blob.remove.after')
  return taken
}

function moveOld(from: string, to: string, youngSince: number): boolean {
  try {
    if (statSync(from).mtimeMs >= youngSince) return false
    faultPoint('blob.trash.before')
    renameSync(from, to)
    faultPoint('blob.trash.after')
    // A writer that found it there has touched it meanwhile, and relies on it.
    if (statSync(to).mtimeMs < youngSince) return true
    renameSync(to, from)
    return false
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw error
  }
}

async function sweepSnapshots(sweep: Sweep): Promise<Garbage<SnapshotName>[]> {
  const { db, options } = sweep
  const { takeSnapshot = () => undefined } = options
  const candidates = [...unreachedLayers(sweep), ...(await oldOrphans(sweep))]
  if (options.dryRun === true) {
    const leased = sweep.leased(db)
    return candidates.filter(({ name }) => !leased.has(name))
  }
  const taken: Garbage<SnapshotName>[] = []
  for (let start = 0; start < candidates.length; start += batchSize) {
    options.signal?.throwIfAborted()
    const batch = await takeSnapshots(db, takeSnapshot, (tx, take) => {
      const leased = sweep.leased(tx)
      const free = candidates.slice(start, start + batchSize).filter(({ name }) => !leased.has(name))
      for (const { name } of free) take(name)
      forgetSnapshots(tx, new Set(free.map(({ name }) => name)))
      for (const { name } of free) orphanRows.remove(tx, name)
      return free
    })
    taken.push(...batch)
  }
  return taken
}

function unreachedLayers({ db, marks, options: { only } }: Sweep): Garbage<SnapshotName>[] {
  return [...layerRows.entries(db)]
    .filter(({ key }) => !marks.reached.has(key) && (only === undefined || only.has(key)))
    .map(({ key, value }) => ({ name: key as SnapshotName, bytes: value.bytes }))
}

/** Snapshots that no table knows: remembered at first sight, garbage once that is long ago. */
async function oldOrphans({ db, marks, options, youngSince }: Sweep): Promise<Garbage<SnapshotName>[]> {
  if (options.only !== undefined) return []
  const names = (await options.listSnapshots?.()) ?? []
  const orphans = names.filter((name) => !layerRows.has(db, name) && !marks.reached.has(name))
  const firstSeen = new Map([...orphanRows.entries(db)].map(({ key, value }) => [key, value]))
  if (options.listSnapshots !== undefined && options.dryRun !== true) {
    const current = new Set<string>(orphans)
    await db.update((tx) => {
      for (const name of orphans) if (!firstSeen.has(name)) orphanRows.put(tx, name, Date.now())
      for (const name of firstSeen.keys()) if (!current.has(name)) orphanRows.remove(tx, name)
    })
  }
  return orphans
    .filter((name) => (firstSeen.get(name) ?? Number.POSITIVE_INFINITY) < youngSince)
    .map((name) => ({ name, bytes: 0 }))
}

/** Forms of layers that nothing knows any more. */
function forgetForms({ db, marks, youngSince, options: { only } }: Sweep): Promise<void> {
  return db.update((tx) => {
    for (const { key, value } of blobRows.entries(tx)) {
      if (only?.has(key) === false) continue
      if (!marks.diffIds.has(key as DiffID) && value.at < youngSince) blobRows.remove(tx, key)
    }
  })
}

function sum(items: readonly Garbage<string>[]): number {
  return items.reduce((total, { bytes }) => total + bytes, 0)
}
