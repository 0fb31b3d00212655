// npm run bench -- [workload…] [options]: sets up, then runs the compiled runner of bench/.
import { join } from 'node:path'
import { root } from './lib/repo.mjs'
import { run } from './lib/run.mjs'
import { setup } from './setup.mjs'

try {
  await setup()
  process.exitCode = await run(process.execPath, [join(root, 'bench/dist/main.js'), ...process.argv.slice(2)])
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
