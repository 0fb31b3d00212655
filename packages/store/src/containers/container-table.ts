import type { Descriptor, Digest, JsonValue, SnapshotName } from '@tsbuild/spec'
import type { Database } from '../database/database.js'
import { jsonRows } from '../database/rows.js'
import { StoreError } from '../errors.js'

/** What the store knows of a container. */
export interface StoredContainer {
  /** 64 hex digits. */
  readonly id: string
  /** Unique among the containers of the root folder. */
  readonly name: string
  /** Digest of the config of the image that it was made of. */
  readonly imageId: Digest
  readonly manifest: Descriptor
  /** The image's snapshots, lowest first: they, the manifest and what it names are not collected while the row is there. */
  readonly layers: readonly SnapshotName[]
  /** Whatever else its user keeps of it. */
  readonly details: JsonValue
}

/** Containers by id, and their names. Every change is one transaction between all processes; reads are synchronous. */
export interface ContainerTable {
  get(id: string): StoredContainer | undefined
  /** All of them, by id. */
  list(): StoredContainer[]
  /** @throws {StoreError} `CONTAINER_EXISTS` when the id or the name is taken */
  add(container: StoredContainer): Promise<void>
  /** Puts what `change` makes of the newest state, in one transaction; `change` is synchronous and may run twice. Nothing happens
   *  where it gives `undefined`, or where the container is gone (it is not called then). Resolves with the state afterwards.
   *  @throws {StoreError} `CONTAINER_EXISTS` when it gives a name that is taken */
  update(
    id: string,
    change: (container: StoredContainer) => StoredContainer | undefined,
  ): Promise<StoredContainer | undefined>
  /** Tells whether it was there. */
  remove(id: string): Promise<boolean>
}

export const containerRows = jsonRows<StoredContainer>('containers')

export function createContainerTable(db: Database): ContainerTable {
  return {
    get: (id) => containerRows.get(db, id),
    list: () => [...containerRows.entries(db)].map(({ value }) => value),
    add: (container) =>
      db.update((tx) => {
        for (const { value } of containerRows.entries(tx)) mustDiffer(container, value)
        containerRows.put(tx, container.id, container)
      }),
    update: (id, change) =>
      db.update((tx) => {
        const before = containerRows.get(tx, id)
        const after = before && change(before)
        if (after === undefined) return before
        if (after.name !== before?.name) {
          for (const { key, value } of containerRows.entries(tx)) if (key !== id) mustDiffer(after, value)
        }
        containerRows.put(tx, id, after)
        return after
      }),
    remove: (id) =>
      db.update((tx) => {
        const known = containerRows.has(tx, id)
        if (known) containerRows.remove(tx, id)
        return known
      }),
  }
}

function mustDiffer(one: StoredContainer, other: StoredContainer): void {
  if (one.id !== other.id && one.name !== other.name) return
  throw new StoreError('CONTAINER_EXISTS', `Cannot name container "${one.name}": container ${other.id} has that name`)
}
