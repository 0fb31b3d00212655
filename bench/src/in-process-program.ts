// Builds a folder through the library, as an embedding program does, and prints what it cost as one line of JSON.
// Arguments: root folder, base image, context folder.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { openEngine } from '@tsbuild/core'

const [root = '', base = '', context = ''] = process.argv.slice(2)

await using engine = await openEngine({ root })
await engine.build({ dockerfileText: `FROM ${base}\n`, context, tags: ['base'] })

const delay = monitorEventLoopDelay({ resolution: 1 })
const milliseconds: number[] = []
let coldMs = 0
let coldP99Ms = 0
for (let round = 0; round < 12; round++) {
  delay.enable()
  const started = performance.now()
  const result = await engine.build({ context, tags: ['bench'] })
  const tookMs = performance.now() - started
  if (round === 0) {
    coldMs = tookMs
    coldP99Ms = delay.percentile(99) / 1e6
  } else {
    const ran = result.steps.filter(({ cached }) => !cached).map(({ name }) => name)
    if (ran.length > 0) throw new Error(`Cannot measure a cached build: it ran ${ran.join(', ')}`)
    milliseconds.push(tookMs)
  }
}
const cachedMs = milliseconds.toSorted((a, b) => a - b)[Math.floor(milliseconds.length / 2)] ?? 0
const p99Ms = Math.max(coldP99Ms, delay.percentile(99) / 1e6)
console.log(
  JSON.stringify({ coldMs, cachedMs, p99Ms, maxMs: delay.max / 1e6, peakBytes: process.resourceUsage().maxRSS * 1024 }),
)
