import type { CacheRecord } from '@tsbuild/spec'
import { allRecords } from '../cache/cache-records.js'
import type { CheckContext } from './context.js'
import type { Problem } from './finding.js'

/** Looks for the layer of every cache record. */
export async function* checkRecords({ db, cache, options }: CheckContext): AsyncGenerator<Problem> {
  const { snapshots, layerOf } = options
  const isGone = (record: CacheRecord) => {
    const layer = layerOf(record)
    return layer !== undefined && !snapshots.isWhole(layer)
  }
  let done = 0
  for await (const record of allRecords(db)) {
    options.signal?.throwIfAborted()
    options.onProgress?.('records', ++done)
    if (!isGone(record)) continue
    // Whoever takes both away takes the record first.
    db.refresh()
    if (!cache.lookup(record.key).some(({ resultId }) => resultId === record.resultId)) continue
    yield {
      kind: 'recordDangling',
      severity: 'error',
      subject: record.name ?? record.step,
      state: `its layer ${layerOf(record)} is not there`,
      repair: 'forget the record, so that the step runs again',
      async mend() {
        if (!isGone(record)) return false
        await cache.drop(record)
        return true
      },
    }
  }
}
