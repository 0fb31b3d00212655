import type { Descriptor, Platform } from '@tsbuild/spec'
import type { Database } from '../database/database.js'
import { jsonRows } from '../database/rows.js'
import type { LayoutIndex } from './layout-index.js'

/** What a name stands for. */
export interface ImageTarget {
  /** Descriptor of the image's manifest. */
  readonly manifest: Descriptor
  readonly platform: Platform
}

/** A name with what it stands for. */
export interface StoredImage extends ImageTarget {
  /** Full reference string, e.g. `docker.io/library/debian:latest`. */
  readonly name: string
  /** When the name was given this target; milliseconds since the epoch. */
  readonly updatedAt: number
}

/** Names of images. Names are kept as they come: full reference strings (`formatReference`). */
export interface ImageNames {
  get(name: string): StoredImage | undefined
  /** Gives `name` this target, whatever it had before. Resolves when every process sees it and what it names survives a power cut.
   *  The manifest's and the config's blobs must be there.
   *  @throws {StoreError} `STORE_FULL`, `ROOT_READ_ONLY`, `METADATA_FAILED` */
  set(name: string, target: ImageTarget): Promise<void>
  /** Forgets the name, not its blobs; tells whether it was there. */
  remove(name: string): Promise<boolean>
  /** All names, sorted. */
  list(): StoredImage[]
}

type Row = Omit<StoredImage, 'name'>

export const imageRows = jsonRows<Row>('images')

export function createImageNames(db: Database, layout: LayoutIndex): ImageNames {
  return {
    get(name) {
      const row = imageRows.get(db, name)
      return row && { name, ...row }
    },
    async set(name, { manifest, platform }) {
      const listed = name.startsWith('<none>') ? undefined : await layout.inspect(manifest, platform)
      await layout.syncBlobs()
      await db.update((tx) => {
        imageRows.put(tx, name, { manifest, platform, updatedAt: Date.now() })
        layout.stage(tx, name, listed)
      })
      await layout.publish()
    },
    async remove(name) {
      const known = await db.update((tx) => {
        if (imageRows.get(tx, name) === undefined) return false
        imageRows.remove(tx, name)
        layout.stage(tx, name, undefined)
        return true
      })
      if (known) await layout.publish()
      return known
    },
    list: () => [...imageRows.entries(db)].map(({ key, value }) => ({ name: key, ...value })),
  }
}
