import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { containerSkip, containerWorkspace } from '../container-workspace.js'
import { cachedSteps, ranSteps } from '../progress.js'

const from = 'FROM bb\n'
const maintainer = 'MAINTAINER Ada <ada@example.com>\n'
const one = 'RUN echo one > /one\n'
const two = 'RUN cat /one > /two\n'

tests('walk: build twice, and move a line', (test) => {
  test(
    'the second build is cached, and moving MAINTAINER up runs all steps again',
    async () => {
      await using work = await containerWorkspace()
      const build = async (...lines: readonly string[]) => {
        const file = join(work.path, 'Dockerfile.walk')
        await writeFile(file, lines.join(''))
        const done = await work.tsbuild(['build', '--progress', 'plain', '-t', 'four', '-f', file, work.context])
        assert.is(done.code, 0, done.stderr)
        const isRun = (name: string) => name.includes('RUN ')
        return {
          ran: ranSteps(done.stderr).filter(isRun).length,
          cached: cachedSteps(done.stderr).filter(isRun).length,
        }
      }
      assert.equal(await build(from, one, two, maintainer), { ran: 2, cached: 0 })
      const before = await work.ok(['inspect', '-f', '{{.Id}}', 'four'])
      assert.equal(await build(from, one, two, maintainer), { ran: 0, cached: 2 })
      assert.is(await work.ok(['inspect', '-f', '{{.Id}}', 'four']), before)
      assert.equal(await build(from, maintainer, one, two), { ran: 2, cached: 0 })
      assert.is(await work.ok(['run', '--rm', 'four', 'cat', '/two']), 'one')
      const format = '{{.CreatedBy}}|{{.Size}}'
      const lines = (await work.ok(['history', '--format', format, 'four'])).split('\n').slice(0, 3)
      assert.match(lines[2] ?? '', /^MAINTAINER Ada <ada@example\.com>\|0B$/)
      assert.match(lines[1] ?? '', /RUN .*echo one > \/one.*\|4B$/)
      assert.match(lines[0] ?? '', /RUN .*cat \/one > \/two.*\|4B$/)
    },
    { skip: containerSkip(), timeoutMs: 120_000 },
  )
})
