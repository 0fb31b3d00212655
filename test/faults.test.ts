import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { containerSkip } from './container-workspace.js'
import { type FaultReport, openHarness } from './faults/kill.js'
import { namedPoints } from './faults/named-points.js'

// `npm run faults` does this many times more often.
const seed = 20_261_121
const rounds = { kill: 500, EIO: 50 } as const

/** Come by only where an earlier kill, at an instant of its own, has left something: most runs hit them, not each. */
const byChance = new Set([
  'blob.remove.before',
  'cache-mount.trash.after',
  'ingest.sweep.before',
  'partial.keep.after',
  'partial.keep.before',
  'snapshot.remove.before',
  'snapshot.sweep.before',
])

const told = ({ rounds, named, points, ms }: FaultReport) =>
  `${rounds}, ${named} of them at ${points.size} named points, in ${Math.round(ms / 1000)} s`

tests('faults', (test) => {
  test(
    'a root folder is whole after every kill and after every error of the disk, at each named point and at any instant',
    async () => {
      await using harness = await openHarness()
      const kills = await harness.run({ action: 'kill', rounds: rounds.kill, seed })
      console.log(`seed ${seed}: kills: ${told(kills)}`)
      assert.ok(kills.rounds >= rounds.kill)
      const missed = namedPoints().filter((name) => !kills.points.has(name) && !byChance.has(name))
      assert.equal(missed, [], 'every point of the sources was hit; test/faults/README.md tells how to add a scenario')
      const errors = await harness.run({ action: 'EIO', rounds: rounds.EIO, seed })
      console.log(`seed ${seed}: EIO: ${told(errors)}`)
      assert.ok(errors.rounds >= rounds.EIO)
    },
    { skip: containerSkip(), timeoutMs: 800_000 },
  )
})
