// How much longer an engine takes to open with a full root folder than with an empty one: node scripts/bench-open.mjs [RECORDS] [SNAPSHOTS]
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fillRoot, openMs } from '../packages/core/dist-test/filled-root.js'

const [records = 10_000, snapshots = 2000] = process.argv.slice(2).map(Number)
const runs = 15
const directory = await mkdtemp(join(tmpdir(), 'tsbuild-open-'))
try {
  const roots = { empty: join(directory, 'empty'), full: join(directory, 'full') }
  await fillRoot(roots.full, records, snapshots)
  await openMs(roots.empty)
  const times = { empty: [], full: [] }
  for (let run = 0; run < runs; run++) for (const name of ['empty', 'full']) times[name].push(await openMs(roots[name]))
  const median = (values) => values.sort((a, b) => a - b)[runs >> 1]
  const [empty, full] = [median(times.empty), median(times.full)]
  console.log(`opening, median of ${runs}: empty ${empty.toFixed(1)} ms`)
  console.log(
    `${records} records, ${snapshots} snapshots: ${full.toFixed(1)} ms (${(full - empty).toFixed(1)} ms more)`,
  )
} finally {
  await rm(directory, { recursive: true, force: true })
}
