// npm run check [-- name…]: everything besides tests that must hold. Closes with "N passed, N failed, N skipped".
import { join } from 'node:path'
import { root } from './lib/repo.mjs'
import { capture } from './lib/run.mjs'
import { setup } from './setup.mjs'

const bin = (name) => join(root, 'node_modules/.bin', name)

const checks = [
  { name: 'types', command: [bin('tsc'), '-b'] },
  { name: 'format and lint', command: [bin('biome'), 'check', '--error-on-warnings', '--max-diagnostics=200'] },
  { name: 'unused', command: [bin('knip')] },
  { name: 'arrows', command: [process.execPath, 'scripts/check-arrows.mjs'] },
  { name: 'standalone', command: [process.execPath, 'scripts/check-standalone.mjs'] },
]

async function main() {
  await setup({ debian: false })
  const names = process.argv.slice(2)
  let failed = 0
  const wanted = checks.filter(({ name }) => names.length === 0 || names.includes(name))
  for (const { name, command } of wanted) {
    const [program = '', ...args] = command
    const { code, output } = await capture(program, args)
    console.log(`${code === 0 ? '•' : '✘'} ${name}`)
    if (code === 0) continue
    failed++
    console.log(output.replace(/^/gm, '    '))
  }
  console.log(`${wanted.length - failed} passed, ${failed} failed, 0 skipped`)
  process.exitCode = failed > 0 ? 1 : 0
}

await main().catch((error) => {
  console.error(error.message)
  console.log('0 passed, 1 failed, 0 skipped')
  process.exitCode = 1
})
