// npm test [-- filter…] [--coverage] [--no-setup]: sets up, runs every test file as a process of its own, and closes with
// "N passed, N failed, N skipped". A filter is a part of a file's path.
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { containedProcesses, mountPoints } from './lib/leftovers.mjs'
import { filesBelow, projects, root } from './lib/repo.mjs'
import { run } from './lib/run.mjs'
import { runTestFile } from './lib/test-file.mjs'
import { setup } from './setup.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { coverage: { type: 'boolean' }, 'no-setup': { type: 'boolean' } },
})

/** Compiled test files of a folder of sources: what has no source any more does not count. */
function testFiles() {
  const files = projects()
    .filter(({ out }) => out.endsWith('/dist-test'))
    .flatMap(({ src, out }) =>
      filesBelow(src, (name) => name.endsWith('.test.ts')).map((path) =>
        path.replace(src, out).replace(/\.ts$/, '.js'),
      ),
    )
  const wanted = (file) => positionals.length === 0 || positionals.some((filter) => file.includes(filter))
  return files.filter(wanted)
}

/** @param {import('./lib/test-file.mjs').FileResult} result */
function report({ file, passed, failed, skipped, output, problems, ms }) {
  const counts = `${passed} passed${failed > 0 ? `, ${failed} failed` : ''}${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`
  console.log(`${failed > 0 ? '✘' : '•'} ${file} (${counts}, ${(ms / 1000).toFixed(1)} s)`)
  if (failed > 0) console.log(output.replace(/^/gm, '    '))
  for (const problem of problems) console.log(`    ${file}: ${problem}`)
  if (failed === 0) for (const line of skipped) console.log(`    SKIP ${line}`)
}

/** Runs files `width` at a time and reports each when it ends. */
async function runAll(files, width, options) {
  const queue = [...files]
  const results = []
  const work = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const result = await runTestFile(file, options)
      report(result)
      results.push(result)
    }
  }
  await Promise.all(Array.from({ length: width }, work))
  return results
}

async function main() {
  if (!values['no-setup']) await setup()
  const files = testFiles()
  if (files.length === 0) throw new Error(`No test file matches ${positionals.join(' ')}`)
  const missing = files.filter((file) => !existsSync(join(root, file)))
  if (missing.length > 0) throw new Error(`Not compiled: ${missing.join(', ')}`)
  const coverage = join(root, 'coverage')
  if (values.coverage) rmSync(coverage, { recursive: true, force: true })
  const env = values.coverage ? { NODE_V8_COVERAGE: join(coverage, 'tmp') } : {}
  const before = { mounts: new Set(mountPoints()), pids: new Set(containedProcesses().map(({ pid }) => pid)) }
  // What measures times needs the machine for itself.
  const alone = (file) => file.startsWith('test/') || file.endsWith('.serial.test.js')
  const results = [
    ...(await runAll(
      files.filter((file) => !alone(file)),
      2,
      { timeoutMs: 600_000, env },
    )),
    ...(await runAll(files.filter(alone), 1, { timeoutMs: 900_000, env })),
  ]
  const leaks = [
    ...mountPoints()
      .filter((path) => !before.mounts.has(path) && /tsbuild|\/tsb-/.test(path))
      .map((path) => `mount ${path}`),
    ...containedProcesses()
      .filter(({ pid }) => !before.pids.has(pid))
      .map(({ pid, command }) => `process ${pid}: ${command}`),
  ]
  for (const leak of leaks) console.log(`✘ left behind: ${leak}`)
  if (values.coverage)
    await run('node_modules/.bin/c8', ['report', '--temp-directory', 'coverage/tmp', '-r', 'text', '-r', 'html'])
  const sum = (pick) => results.reduce((total, result) => total + pick(result), 0)
  const failed = sum((result) => result.failed) + leaks.length
  for (const { file } of results.filter((result) => result.failed > 0)) console.log(`Failed: ${file}`)
  console.log(
    `${sum((result) => result.passed)} passed, ${failed} failed, ${sum((result) => result.skipped.length)} skipped`,
  )
  process.exitCode = failed > 0 ? 1 : 0
}

await main().catch((error) => {
  console.error(error.message)
  console.log('0 passed, 1 failed, 0 skipped')
  process.exitCode = 1
})
