import { parseArgs } from 'node:util'
import { killRounds } from './kill.js'

const { values } = parseArgs({
  options: {
    action: { type: 'string', default: 'kill' },
    rounds: { type: 'string', default: '500' },
    seed: { type: 'string', default: String(Date.now() % 1e6) },
  },
})
const kills = Number(values.rounds)
const seed = Number(values.seed)
const action = values.action === 'EIO' || values.action === 'ENOSPC' ? values.action : 'kill'
console.log(`${kills} times ${action}, --seed ${seed}`)
const report = await killRounds({ kills, seed, action, onProgress: console.log })
console.log(
  `${report.kills} killed, ${report.named} of them at ${report.points.size} named points, in ${(report.ms / 1000).toFixed(0)} s`,
)
console.log([...report.points].sort().join('\n'))
