import { spawn } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { openRoot, skip } from './images-support.js'

const child = fileURLToPath(new URL('./prune-child.js', import.meta.url))

function run(...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const started = spawn(process.execPath, [child, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
    let stderr = ''
    started.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    started.once('error', reject)
    started.once('close', (code) => resolve(code === 0 ? '' : `exited with ${code}: ${stderr}`))
  })
}

tests('builds and prunes at once', (test) => {
  test(
    'every build of several processes has its whole result while they prune; the root folder is sound afterwards',
    async () => {
      await using open = await openRoot({ gc: false })
      await mkdir(join(open.path, 'context'))
      for (const n of [0, 1, 2]) await writeFile(join(open.path, 'context', `f${n}`), `${n}`.repeat(500 * (n + 1)))
      const seeds = ['a', 'b', 'c']
      const rounds = 12
      const ended = await Promise.all(seeds.map((seed) => run(open.root, open.path, seed, String(rounds))))
      assert.equal(ended, ['', '', ''])
      for (const seed of seeds) assert.is(await readFile(join(open.path, `round-${seed}`), 'utf8'), String(rounds))
      const { findings } = await open.engine.check({ deep: true })
      assert.equal(
        findings.filter(({ severity }) => severity === 'error'),
        [],
      )
    },
    { skip, timeoutMs: 180_000 },
  )
})
