import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { containerSkip } from './container-workspace.js'
import { killRounds } from './faults/kill.js'

// `npm run faults` does this many times more often.
tests('kills', (test) => {
  test(
    'a root folder is whole after every kill, at named points and at any instant',
    async () => {
      const report = await killRounds({ kills: 60, seed: 20_261_121 })
      console.log(`${report.kills} kills in ${Math.round(report.ms / 1000)} s`)
      assert.ok(report.points.size >= 5, [...report.points].join(' '))
    },
    { skip: containerSkip(), timeoutMs: 800_000 },
  )
})
