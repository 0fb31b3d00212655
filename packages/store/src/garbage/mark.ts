import {
  type CacheRecord,
  chainIDs,
  type Descriptor,
  type DiffID,
  isDigest,
  type JsonValue,
  type SnapshotName,
} from '@tsbuild/spec'
import { allRecords } from '../cache/cache-records.js'
import { containerRows } from '../containers/container-table.js'
import type { Reader } from '../database/database.js'
import { imageBlobs, imageConfig, type ReadSmall } from '../images/image-blobs.js'
import { imageRows } from '../images/image-names.js'
import { blobRows, chainRows, layerRows, rewrittenRows } from '../layers/layer-tables.js'
import { markRepositories } from '../repositories/roots.js'

/** Everything that a name, a container, a repository, a cache record or a young row reaches. */
export interface Marks {
  /** Digests of blobs and names of snapshots; the two can't be mistaken for each other. */
  readonly reached: ReadonlySet<string>
  /** Layers whose known forms are kept. */
  readonly diffIds: ReadonlySet<DiffID>
  /** Links of repositories to blobs that are of no use any more. */
  readonly unusedLinks: ReadonlySet<string>
}

/** @param youngSince rows made after this (milliseconds since the epoch) count as reached */
export async function mark(db: Reader, readSmall: ReadSmall, youngSince: number): Promise<Marks> {
  const reached = new Set<string>()
  const diffIds = new Set<DiffID>()
  await markNamed(db, readSmall, reached, diffIds)
  for await (const record of allRecords(db)) markRecord(record, reached)
  const unusedLinks = await markRepositories(db, reached, Date.now())
  for await (const { value } of chainRows.unhurried(db)) {
    if (value.at >= youngSince) for (const name of value.layers) reached.add(name)
  }
  for await (const { value } of rewrittenRows.unhurried(db)) {
    if ((value.at ?? 0) >= youngSince) for (const { snapshot } of value.layers) reached.add(snapshot)
  }
  for await (const { key, value } of layerRows.unhurried(db)) {
    if (value.createdAt >= youngSince) reached.add(key)
    if (reached.has(key) && value.diffId !== undefined) diffIds.add(value.diffId)
  }
  for await (const { key, value } of blobRows.unhurried(db)) {
    if (value.at >= youngSince) diffIds.add(key as DiffID)
    if (diffIds.has(key as DiffID)) for (const { digest } of value.blobs) reached.add(digest)
  }
  return { reached, diffIds, unusedLinks }
}

/** Marks what images and containers have. */
export async function markNamed(
  db: Reader,
  readSmall: ReadSmall,
  reached: Set<string>,
  diffIds = new Set<DiffID>(),
): Promise<void> {
  const markImage = (manifest: Descriptor) => {
    for (const blob of imageBlobs(manifest, readSmall) ?? [manifest]) reached.add(blob.digest)
    markStack(db, imageConfig(manifest, readSmall)?.rootfs?.diff_ids ?? [], reached, diffIds)
  }
  for await (const { value } of imageRows.unhurried(db)) markImage(value.manifest)
  for await (const { value } of containerRows.unhurried(db)) {
    markImage(value.manifest)
    for (const name of value.layers) reached.add(name)
  }
}

/** An image reaches its layers through the chain of its whole stack; where that is unknown, through those of its parts. */
function markStack(db: Reader, stack: readonly DiffID[], reached: Set<string>, diffIds: Set<DiffID>): void {
  for (const diffId of stack) diffIds.add(diffId)
  for (const chainId of chainIDs(stack)) {
    for (const name of chainRows.get(db, chainId)?.layers ?? []) reached.add(name)
    for (const { snapshot } of rewrittenRows.get(db, chainId)?.layers ?? []) reached.add(snapshot)
  }
}

/** What a record's value means is the op's business: each string in it that could name a blob or a snapshot counts. */
function markRecord({ value }: CacheRecord, reached: Set<string>): void {
  const pending: (JsonValue | undefined)[] = [value]
  while (pending.length > 0) {
    const item = pending.pop()
    if (typeof item === 'string') {
      if (isDigest(item) || isSnapshotName(item)) reached.add(item)
    } else if (typeof item === 'object' && item !== null) {
      pending.push(...(Object.values(item) as JsonValue[]))
    }
  }
}

function isSnapshotName(text: string): text is SnapshotName {
  return /^[a-z0-9]{1,24}$/.test(text)
}
