// npm run faults -- [--rounds N] [--minutes N] [--seed N] [--action kill|EIO|ENOSPC] [--scenario NAME] [--point NAME]: kills commands at
// named points and at random instants, and checks the root folder after each kill. The same seed plans the same rounds.

import { run } from './lib/run.mjs'
import { setup } from './setup.mjs'

await setup({ debian: false })
process.exitCode = await run(process.execPath, ['test/dist-test/faults/main.js', ...process.argv.slice(2)])
