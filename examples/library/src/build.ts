import { openEngine } from '@tsbuild/core'

const [context = '.', tag = 'app', ...buildArgs] = process.argv.slice(2)

await using engine = await openEngine()
const result = await engine.build({
  context,
  tags: [tag],
  buildArgs: Object.fromEntries(buildArgs.map((pair) => pair.split(/=(.*)/s).slice(0, 2))),
  onEvent: (event) => event.kind === 'log' && process.stdout.write(event.data),
})
for (const step of result.steps) console.log(step.cached ? 'cached' : `${step.durationMs.toFixed(0)} ms`, step.name)
console.log(result.configDigest)
