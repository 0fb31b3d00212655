import { parseArgs } from 'node:util'
import { openHarness } from './kill.js'

const { values } = parseArgs({
  options: {
    action: { type: 'string', default: 'kill' },
    rounds: { type: 'string', default: '500' },
    minutes: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1e6) },
    lanes: { type: 'string', default: '3' },
    scenario: { type: 'string' },
    point: { type: 'string' },
  },
})
const { scenario, point, minutes } = values
const action = values.action === 'EIO' || values.action === 'ENOSPC' ? values.action : 'kill'
const rounds = Number(values.rounds)
const seed = Number(values.seed)
console.log(`${rounds} times ${action}, --seed ${seed}`)
await using harness = await openHarness(Number(values.lanes))
const report = await harness.run({
  rounds,
  seed,
  action,
  ...(scenario === undefined ? {} : { scenario }),
  ...(point === undefined ? {} : { point }),
  ...(minutes === undefined ? {} : { maxMs: Number(minutes) * 60_000 }),
  onProgress: console.log,
})
console.log(
  `${report.rounds} times ${action}, ${report.named} of them at ${report.points.size} named points, in ${(report.ms / 1000).toFixed(0)} s`,
)
for (const [name, count] of [...report.points].sort()) console.log(`${String(count).padStart(6)} ${name}`)
