import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createOciRuntime } from '@tsbuild/runtime'

/** Runs one step in `<directory>/rootfs` with an OCI runtime in a process of its own, and tells what came of it. */
const [directory = '', script = ''] = process.argv.slice(2)
const runtime = createOciRuntime({ program: 'runc', stateDir: join(directory, 'state') })
for (const part of ['upper', 'work']) mkdirSync(join(directory, part), { recursive: true })
const root = { kind: 'overlay', base: directory, lower: ['rootfs'], upper: 'upper', work: 'work' } as const
const args = ['/bin/sh', '-c', script]
let output = ''
const status = await runtime.run(
  { root, args, env: ['PATH=/bin'], cwd: '/', user: '', network: 'host' },
  {
    onOutput: (_, chunk) => {
      output += Buffer.from(chunk)
    },
  },
)
await runtime[Symbol.asyncDispose]()
console.log(JSON.stringify({ status, output }))
