import type { Metadata, Table } from '@tsbuild/spec'

export type CacheUse = {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly count: number
}

/** Uses closer together than this are one: a build that only hits then writes nothing. */
const resolutionMs = 600_000

/** When entries of the cache were last used. */
export class UseLog {
  readonly #table: Table<CacheUse>
  #writing: Promise<unknown> = Promise.resolve()

  constructor(metadata: Metadata) {
    this.#table = metadata.table<CacheUse>('cache-use')
  }

  get(id: string): CacheUse | undefined {
    return this.#table.get(id)
  }

  /** Notes that these were used now; one transaction for those that were not used a short while ago, and none where there are none. */
  async note(ids: Iterable<string>, now = Date.now()): Promise<void> {
    const changes: [string, CacheUse][] = []
    for (const id of new Set(ids)) {
      const before = this.#table.get(id)
      if (before === undefined || now - before.at >= resolutionMs)
        changes.push([id, { at: now, count: (before?.count ?? 0) + 1 }])
    }
    if (changes.length === 0) return
    const write = this.#table.batch(changes)
    this.#writing = Promise.allSettled([this.#writing, write])
    await write
  }

  /** Resolves when nothing is being written any more. */
  async settled(): Promise<void> {
    await this.#writing
  }

  /** Forgets all that `isKnown` denies. */
  async forget(isKnown: (id: string) => boolean): Promise<void> {
    const gone = [...this.#table.entries()].filter(({ key }) => !isKnown(key))
    if (gone.length > 0) await this.#table.batch(gone.map(({ key }) => [key, undefined] as const))
  }
}
