import { setImmediate } from 'node:timers/promises'
import type { Table } from '@tsbuild/spec'
import type { XXHashAPI } from 'xxhash-wasm'
import { type BinaryPath, toBinary } from './binary-path.js'
import { type MemoChanges, packRows } from './memo.js'

/** A context's rows are read in this many parts, with a pause for others where a part was big. */
const parts = '0123456789abcdef'
const pauseBytes = 1 << 20

/** The fingerprint memo in the database: a row for each directory of a context. Keys are xxHash64 of the context's path and of the
 * directory's, so that a context's rows lie together; whose row it is, the path in the row itself says. */
export class MemoTable {
  private readonly table: Table<Uint8Array>
  private hasher: Promise<XXHashAPI> | undefined

  constructor(table: Table<Uint8Array>) {
    this.table = table
  }

  /** All rows of a context, packed for a worker. */
  async load(context: string): Promise<Uint8Array> {
    const prefix = await this.prefix(context)
    const rows: Uint8Array[] = []
    for (const part of parts) {
      let bytes = 0
      for (const { value } of this.table.entries(prefix + part)) {
        rows.push(value)
        bytes += value.length
      }
      if (bytes > pauseBytes) await setImmediate()
    }
    return packRows(rows)
  }

  async save(context: string, { changed, removed }: MemoChanges): Promise<void> {
    if (changed.length === 0 && removed.length === 0) return
    const prefix = await this.prefix(context)
    const hasher = await this.open()
    const key = (directory: BinaryPath) => prefix + hash(hasher, directory)
    await this.table.batch([
      ...removed.map((directory) => [key(directory), undefined] as const),
      ...changed.map(({ directory, row }) => [key(directory), row] as const),
    ])
  }

  private async prefix(context: string): Promise<string> {
    return `${hash(await this.open(), toBinary(context))}/`
  }

  private open(): Promise<XXHashAPI> {
    this.hasher ??= import('xxhash-wasm').then(({ default: xxhash }) => xxhash())
    return this.hasher
  }
}

function hash(hasher: XXHashAPI, path: BinaryPath): string {
  return hasher.h64Raw(Buffer.from(path, 'latin1')).toString(16).padStart(16, '0')
}
