import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { faultVariable } from '@tsbuild/spec'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

const spec = import.meta.resolve('@tsbuild/spec')

/** Passes "one", "two", "one" and tells what it caught, in a process with that fault. */
function passing(fault: string | undefined) {
  const code = `import { faultPoint } from '${spec}'
for (const name of ['one', 'two', 'one']) try { faultPoint(name); console.log(name) } catch (error) { console.log(error.code) }`
  const { [faultVariable]: _, ...env } = process.env
  const { stdout, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    env: fault === undefined ? env : { ...env, [faultVariable]: fault },
    encoding: 'utf8',
  })
  return { lines: stdout.split('\n').slice(0, -1), signal }
}

tests('faultPoint()', (test) => {
  const all = ['one', 'two', 'one']
  const cases: readonly [string | undefined, readonly string[], string | null][] = [
    [undefined, all, null],
    ['', all, null],
    ['explode one 1', all, null],
    ['kill three 1', all, null],
    ['kill one 3', all, null],
    ['kill one 2', ['one', 'two'], 'SIGKILL'],
    ['kill one', [], 'SIGKILL'],
    ['kill * 2', ['one'], 'SIGKILL'],
    ['EIO two 1', ['one', 'EIO', 'one'], null],
    ['ENOSPC one 2', ['one', 'two', 'ENOSPC'], null],
  ]
  for (const [fault, lines, signal] of cases) {
    test(`faultPoint() does what "${fault}" says`, () => assert.equal(passing(fault), { lines, signal }))
  }

  test('faultPoint() traces into a file', async () => {
    await using dir = await tempDir()
    const file = join(dir.path, 'trace')
    assert.equal(passing(`trace ${file}`).lines, all)
    assert.is(readFileSync(file, 'utf8'), 'one\ntwo\none\n')
  })
})
