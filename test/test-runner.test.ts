import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

interface Runner {
  runTestFile(
    file: string,
    options: { timeoutMs: number },
  ): Promise<{ passed: number; failed: number; skipped: string[]; problems: string[] }>
}

const module = pathToFileURL(fileURLToPath(new URL('../../scripts/lib/test-file.mjs', import.meta.url)))
const totals = (total: number, passed: number, skipped = 0): string =>
  `console.log('  Total:     ${total}\\n  Passed:    ${passed}\\n  Skipped:   ${skipped}')\n`
const imports = `import { spawn } from 'node:child_process'; import { writeFileSync } from 'node:fs'; import { tmpdir } from 'node:os'\n`

const cases: Readonly<Record<string, { source: string; passed: number; failed: number; problem?: RegExp }>> = {
  'a file that passes': { source: totals(3, 3), passed: 3, failed: 0 },
  'a failing test': { source: `${totals(3, 1)}process.exitCode = 1`, passed: 1, failed: 2 },
  'a file that prints no totals': { source: '', passed: 0, failed: 1, problem: /no totals/ },
  'a file that throws while it is loaded': { source: 'throw new Error()', passed: 0, failed: 1, problem: /no totals/ },
  'an exit code after totals': {
    source: `${totals(1, 1)}process.exitCode = 3`,
    passed: 1,
    failed: 1,
    problem: /exit code 3/,
  },
  'a skip without a reason': { source: totals(1, 1, 1), passed: 1, failed: 1, problem: /without a reason/ },
  'a file that never ends': {
    source: `${totals(1, 1)}setInterval(() => {}, 1e6)`,
    passed: 1,
    failed: 1,
    problem: /longer than/,
  },
  'a file left in the temp folder': {
    source: `${imports}writeFileSync(tmpdir() + '/left', '')\n${totals(1, 1)}`,
    passed: 1,
    failed: 1,
    problem: /\/left behind$/,
  },
  'a process left behind': {
    source: `${imports}spawn('sleep', ['60'], { detached: true, stdio: 'inherit' }).unref()\n${totals(1, 1)}`,
    passed: 1,
    failed: 1,
    problem: /^left process \d+ behind: sleep 60$/,
  },
}

tests('test runner', (test) => {
  for (const [name, { source, passed, failed, problem }] of Object.entries(cases)) {
    test(`runTestFile() counts ${name}`, async () => {
      const { runTestFile } = (await import(module.href)) as Runner
      await using dir = await tempDir()
      const file = join(dir.path, 'case.mjs')
      await writeFile(file, source)
      const result = await runTestFile(file, { timeoutMs: 3000 })
      assert.equal({ passed: result.passed, failed: result.failed }, { passed, failed }, result.problems.join())
      if (problem !== undefined)
        assert.ok(
          result.problems.some((line) => problem.test(line)),
          result.problems.join(),
        )
    })
  }

  test('runTestFile() keeps the reasons of skips', async () => {
    const { runTestFile } = (await import(module.href)) as Runner
    await using dir = await tempDir()
    const file = join(dir.path, 'case.mjs')
    await writeFile(file, `console.log('SKIP group › title: needs root')\n${totals(0, 0, 1)}`)
    assert.equal((await runTestFile(file, { timeoutMs: 3000 })).skipped, ['group › title: needs root'])
  })
})
