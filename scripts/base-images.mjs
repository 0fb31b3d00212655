// node scripts/base-images.mjs [--no-debian]: makes base images of this machine's own packages and serves them from a registry on
// loopback until Ctrl-C. Prints NAME=IMAGE lines, to be used as build arguments.
import { once } from 'node:events'
import { join } from 'node:path'
import { root } from './lib/repo.mjs'
import { setup } from './setup.mjs'

try {
  await setup()
  const { baseRegistryProblem, startBaseRegistry } = await import(join(root, 'packages/testkit/dist/index.js'))
  const debian = !process.argv.includes('--no-debian')
  const problem = baseRegistryProblem({ debian })
  if (problem !== undefined) throw new Error(`Cannot serve base images: ${problem}`)
  const registry = await startBaseRegistry({ debian })
  console.log(`BUSYBOX=${registry.images.busybox}`)
  if (debian) console.log(`DEBIAN=${registry.images.debian}`)
  const alive = setInterval(() => {}, 60_000)
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  clearInterval(alive)
  await registry[Symbol.asyncDispose]()
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
