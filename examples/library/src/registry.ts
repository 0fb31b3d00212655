import { openEngine, serveRegistry } from '@tsbuild/core'

const [context = '.', root = 'registry'] = process.argv.slice(2)

await using server = await serveRegistry({
  root,
  onRequest: ({ method, path, status }) => console.log(method, path, status),
})
await using engine = await openEngine()
const { pushed } = await engine.build({ context, outputs: [{ type: 'registry', names: [`${server.host}/app`] }] })
for (const { name, digest } of pushed) console.log(name, digest)
