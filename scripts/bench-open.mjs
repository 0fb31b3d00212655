// How much longer an engine takes to open and to build `FROM scratch` with a full root folder than with an empty one (the build is what
// opens the store): node scripts/bench-open.mjs [RECORDS] [SNAPSHOTS] [--json]
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openEngine } from '../packages/core/dist/index.js'
import { fillRoot } from '../packages/core/dist-test/filled-root.js'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'boolean' } } })
const [records = 10_000, snapshots = 2000] = positionals.map(Number)
const runs = 15
const directory = await mkdtemp(join(tmpdir(), 'tsbuild-open-'))
const context = join(directory, 'context')

async function openMs(root) {
  const start = performance.now()
  const engine = await openEngine({ root, snapshotter: 'native' })
  try {
    await engine.build({ dockerfileText: 'FROM scratch\n', context })
    return performance.now() - start
  } finally {
    await engine[Symbol.asyncDispose]()
  }
}

try {
  await mkdir(context)
  const roots = { empty: join(directory, 'empty'), full: join(directory, 'full') }
  await fillRoot(roots.full, records, snapshots)
  for (const root of Object.values(roots)) await openMs(root)
  const times = { empty: [], full: [] }
  for (let run = 0; run < runs; run++) for (const name of ['empty', 'full']) times[name].push(await openMs(roots[name]))
  const median = (values) => values.sort((a, b) => a - b)[runs >> 1]
  const [empty, full] = [median(times.empty), median(times.full)]
  if (values.json) console.log(JSON.stringify({ emptyMs: empty, fullMs: full }))
  else {
    console.log(`opening, median of ${runs}: empty ${empty.toFixed(1)} ms`)
    console.log(
      `${records} records, ${snapshots} snapshots: ${full.toFixed(1)} ms (${(full - empty).toFixed(1)} ms more)`,
    )
  }
} finally {
  await rm(directory, { recursive: true, force: true })
}
