import { join } from 'node:path'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { fillRoot, openMs } from './filled-root.js'

const records = 10_000
const snapshots = 2000
const limitMs = 50

tests('openEngine()', (test) => {
  test(
    `openEngine() takes less than ${limitMs} ms more with ${records} records and ${snapshots} snapshots`,
    async () => {
      await using dir = await tempDir()
      const [full, empty] = [join(dir.path, 'full'), join(dir.path, 'empty')]
      await fillRoot(full, records, snapshots)
      await openMs(empty)
      // The best of some: what else the machine does only ever adds.
      const best = { full: Number.POSITIVE_INFINITY, empty: Number.POSITIVE_INFINITY }
      for (let n = 0; n < 50 && (n < 3 || best.full - best.empty >= limitMs); n++) {
        best.full = Math.min(best.full, await openMs(full))
        best.empty = Math.min(best.empty, await openMs(empty))
      }
      assert.ok(best.full - best.empty < limitMs, `${best.full} ms, empty ${best.empty} ms`)
    },
    { timeoutMs: 180_000 },
  )
})
