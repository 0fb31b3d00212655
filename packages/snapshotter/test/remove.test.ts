import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { removeTree } from '../dist/files/remove.js'

tests('removeTree()', (test) => {
  test('removeTree() removes trees deeper than any path, and leaves link targets alone', async () => {
    await using directory = await tempDir()
    const script = `mkdir t keep; touch keep/f; ln -s ../keep t/l; touch "$(printf 't/\\377')"; cd t
      perl -e 'for (1..60) { mkdir "n"x200; chdir "n"x200; open F, ">f"; close F }'`
    execFileSync('sh', ['-ec', script], { cwd: directory.path })
    removeTree(`${directory.path}/t`)
    removeTree(`${directory.path}/t`)
    assert.not(existsSync(`${directory.path}/t`))
    assert.ok(existsSync(`${directory.path}/keep/f`))
  })
})
