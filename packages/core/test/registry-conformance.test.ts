import { serveRegistry } from '@tsbuild/core'
import { registryConformance, registryProblem, startRegistry, tempDir, tests } from '@tsbuild/testkit'

tests('serveRegistry() by the distribution spec', (test) => {
  registryConformance(test, async () => {
    const root = await tempDir('tsbuild-registry-')
    const server = await serveRegistry({ root: root.path, allowDelete: true })
    return {
      url: server.url,
      [Symbol.asyncDispose]: async () => {
        await server[Symbol.asyncDispose]()
        await root[Symbol.asyncDispose]()
      },
    }
  })
})

/** The same table holds for another maker's registry, as far as that goes: so it says what the spec says, not what ours does. */
tests("Debian's docker-registry by the distribution spec", (test) => {
  const skip = registryProblem()
  registryConformance(
    (title, body, options = {}) => test(title, body, { ...options, skip: options.skip || skip }),
    startRegistry,
    [
      'monolithicPost',
      'mountFromAnywhere',
      'referrers',
      'unknownManifests',
      'deleteTags',
      'strictManifests',
      'tagPages',
      'chunkOrder',
      'rangeEnd',
      'nameLength',
    ],
  )
})
