import { randomBytes } from 'node:crypto'
import { renameSync } from 'node:fs'
import { open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Descriptor, type Digest, faultPoint, type Platform } from '@tsbuild/spec'
import { formatIndex, namedDescriptor } from '../content/layout.js'
import type { Database, Reader, Transaction } from '../database/database.js'
import { jsonRows } from '../database/rows.js'
import { errnoOf, storeError } from '../errors.js'
import type { RootPaths } from '../root/root-paths.js'
import { writeSynced } from '../root/write-aside.js'
import { imageBlobs, type ReadSmall } from './image-blobs.js'

/** An image whose blobs were all there as files when it got its name. */
interface ListedImage {
  readonly manifest: Descriptor
  readonly blobs: readonly Digest[]
}

const listedRows = jsonRows<ListedImage>('layout')
const versionRows = jsonRows<number>('layout-version')

/** Keeps `content/index.json` equal to the rows of complete images, for whatever process changes them. */
export interface LayoutIndex {
  /** The row for an image, or `undefined` when it can't be listed: some of its blobs are virtual. */
  inspect(manifest: Descriptor, platform: Platform): Promise<ListedImage | undefined>
  /** Puts the row for `name` (or takes it away) as a part of `tx`; `publish` makes the file follow. */
  stage(tx: Transaction, name: string, listed: ListedImage | undefined): void
  publish(): Promise<void>
  /** Takes images off the list that need this blob. */
  withoutBlob(digest: Digest): Promise<void>
  /** The images that the file lists, with their blobs. */
  listed(): { readonly name: string; readonly blobs: readonly Digest[] }[]
  /** What the file should say. */
  text(from: Reader): string
  /** Whether the file was written since the list last changed. */
  isPublished(from: Reader): boolean
  /** The next `publish` writes the file, whatever it says now. */
  outdate(tx: Transaction): void
  /** Makes sure that the names of blobs survive a power cut. */
  syncBlobs(): Promise<void>
}

export function createLayoutIndex(
  db: Database,
  paths: RootPaths,
  session: () => string,
  readSmall: ReadSmall,
): LayoutIndex {
  const index = join(paths.content, 'index.json')
  const stage = (tx: Transaction, name: string, listed: ListedImage | undefined) => {
    const before = listedRows.get(tx, name)
    if (listed === undefined && before === undefined) return
    if (listed === undefined) listedRows.remove(tx, name)
    else listedRows.put(tx, name, listed)
    versionRows.put(tx, 'version', (versionRows.get(tx, 'version') ?? 0) + 1)
  }
  const text = (from: Reader) =>
    formatIndex([...listedRows.entries(from)].map(({ key, value }) => namedDescriptor(value.manifest, key)))
  const publish = async () => {
    for (;;) {
      db.refresh()
      const version = versionRows.get(db, 'version') ?? 0
      if (version === versionRows.get(db, 'published')) return
      const aside = join(paths.ingest, `${session()}.index.${randomBytes(6).toString('hex')}`)
      await writeSynced(aside, text(db))
      // Renamed while nobody can write rows: the file never goes back behind a newer one of another process.
      const current = await db.update((tx) => {
        if ((versionRows.get(tx, 'version') ?? 0) !== version) return false
        faultPoint('index.publish.before')
        renameSync(aside, index)
        faultPoint('index.publish.after')
        versionRows.put(tx, 'published', version)
        return true
      })
      if (current) return
      await rm(aside, { force: true })
    }
  }
  return {
    stage,
    publish: () =>
      publish().catch((error) => {
        throw storeError(error, `write "${index}"`)
      }),
    async inspect(manifest, platform) {
      const blobs = imageBlobs(manifest, readSmall)
      if (blobs === undefined) return undefined
      for (const { digest, size } of blobs) {
        const file = await stat(join(paths.blobs, digest.slice('sha256:'.length))).catch(() => undefined)
        if (file?.size !== size) return undefined
      }
      return { manifest: { ...manifest, platform }, blobs: blobs.map(({ digest }) => digest) }
    },
    async withoutBlob(digest) {
      const names = [...listedRows.entries(db)]
        .filter(({ value }) => value.blobs.includes(digest))
        .map(({ key }) => key)
      if (names.length === 0) return
      await db.update((tx) => {
        for (const name of names) stage(tx, name, undefined)
      })
      await publish()
    },
    listed: () => [...listedRows.entries(db)].map(({ key, value }) => ({ name: key, blobs: value.blobs })),
    text,
    isPublished: (from) => (versionRows.get(from, 'version') ?? 0) === (versionRows.get(from, 'published') ?? 0),
    outdate: (tx) => versionRows.put(tx, 'version', (versionRows.get(tx, 'version') ?? 0) + 1),
    async syncBlobs() {
      const directory = await open(paths.blobs, 'r')
      try {
        await directory.sync()
      } catch (error) {
        // Some file systems can't sync a directory.
        if (errnoOf(error) !== 'EINVAL') throw storeError(error, `sync "${paths.blobs}"`)
      } finally {
        await directory.close()
      }
    },
  }
}
