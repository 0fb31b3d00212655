import { renameSync } from 'node:fs'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Metadata, Table } from '@tsbuild/spec'
import type { Store } from '@tsbuild/store'
import { treeBytes } from '../containers/tree-bytes.js'

export type CacheMountRow = {
  /** `id` of the mount, as the Dockerfile has it. */
  readonly id: string
  readonly createdAt: number
}

/** A folder of `RUN --mount=type=cache`. */
export interface CacheMountFolder {
  /** Name of the folder. */
  readonly name: string
  readonly id: string
  readonly sizeBytes: number
  readonly createdAt: number
}

/** The folders of `RUN --mount=type=cache` in a root folder. */
export class CacheMounts {
  readonly #directory: string
  readonly #table: Table<CacheMountRow>
  readonly #store: Pick<Store, 'takeUnleased'>

  constructor(directory: string, store: Pick<Store, 'takeUnleased'> & { readonly metadata: Metadata }) {
    this.#directory = directory
    this.#table = store.metadata.table<CacheMountRow>('cache-mounts')
    this.#store = store
  }

  /** Name by which a folder is leased while it is used. */
  static leaseName(name: string): string {
    return `cache-mount/${name}`
  }

  /** Remembers whose folder this is. */
  async note(name: string, id: string): Promise<void> {
    if (this.#table.get(name)?.id !== id) await this.#table.put(name, { id, createdAt: Date.now() })
  }

  async list(): Promise<CacheMountFolder[]> {
    const names = await readdir(this.#directory).catch(() => [])
    const folders: CacheMountFolder[] = []
    for (const name of names.filter(isFolderName)) {
      const path = join(this.#directory, name)
      const file = await stat(path).catch(() => undefined)
      if (file === undefined) continue
      const { id = '', createdAt = file.birthtimeMs } = this.#table.get(name) ?? {}
      folders.push({ name, id, createdAt, sizeBytes: await treeBytes(path) })
    }
    return folders
  }

  /** Takes a folder away that no step uses; tells whether it did. */
  async remove(name: string): Promise<boolean> {
    const path = join(this.#directory, name)
    const aside = `${path}.${process.pid}-${Date.now()}`
    let taken = false
    await this.#store.takeUnleased(CacheMounts.leaseName(name), () => {
      taken = renamed(path, aside)
    })
    if (!taken) return false
    await this.#table.remove(name)
    await rm(aside, { recursive: true, force: true })
    return true
  }
}

/** Tells whether it was there: somebody else may have taken it meanwhile. */
function renamed(from: string, to: string): boolean {
  try {
    renameSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/** Others are on their way out. */
function isFolderName(name: string): boolean {
  return /^[0-9a-f]{32}(-\d+)?$/.test(name)
}
