import { execFileSync } from 'node:child_process'
import { mkdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { gitProblem, startGitServer } from './git-server.js'
import { rootSkip } from './progress.js'
import { type Workspace, workspace } from './workspace.js'

const skip = rootSkip() ?? gitProblem()

/** The time of the image, in seconds; the files go to `out`. */
async function built(work: Workspace, ...args: string[]): Promise<number> {
  await work.ok(['build', '-t', 'app', '-o', join(work.path, 'out'), ...args])
  return Date.parse(await work.ok(['inspect', '--format', '{{.Created}}', 'app'])) / 1000
}

async function serve(files: Readonly<Record<string, { readonly data: Buffer; readonly modified?: string }>>) {
  const server = createServer((request, response) => {
    const file = files[request.url ?? '']
    if (file?.modified !== undefined) response.setHeader('last-modified', file.modified)
    response.writeHead(file === undefined ? 404 : 200).end(file?.data)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

tests('times of sources', (test) => {
  test(
    'SOURCE_DATE_EPOCH=context is the time of the commit, and nothing for a directory',
    async () => {
      await using server = await startGitServer()
      await using work = await workspace()
      const repository = server.repository('repo')
      const Dockerfile = [
        'ARG SOURCE_DATE_EPOCH=context',
        'FROM scratch AS s',
        'ARG SOURCE_DATE_EPOCH',
        'COPY <<EOF /epoch',
        '$SOURCE_DATE_EPOCH',
        'EOF',
      ].join('\n')
      repository.commit({ Dockerfile })
      const time = Number(repository.git('show', '-s', '--format=%ct'))
      assert.is(await built(work, `${server.http}/repo.git`), time)
      assert.is(await readFile(join(work.path, 'out', 'epoch'), 'utf8'), `${time}\n`)
      await work.write({ Dockerfile })
      assert.ok((await built(work, work.context)) >= time)
      assert.is(await readFile(join(work.path, 'out', 'epoch'), 'utf8'), '\n')
      const named = ['--build-arg', 'SOURCE_DATE_EPOCH=far', '--build-context', `far=${server.http}/repo.git`]
      assert.is(await built(work, ...named, work.context), time)
      const bad = await work.tsbuild(['build', '--build-arg', 'SOURCE_DATE_EPOCH=soon', work.context])
      assert.match(bad.stderr, /invalid SOURCE_DATE_EPOCH: soon/)
      assert.is(bad.code, 1)
    },
    { skip, timeoutMs: 60_000 },
  )

  test(
    'SOURCE_DATE_EPOCH=stage is the time of what the stage adds',
    async () => {
      await using work = await workspace()
      const tree = join(work.path, 'tree')
      await mkdir(tree)
      for (const [name, time] of [['a', 1_600_000_000] as const, ['b', 1_600_000_777] as const]) {
        await writeFile(join(tree, name), name)
        await utimes(join(tree, name), time, time)
      }
      const data = execFileSync('tar', ['-C', tree, '-czf', '-', 'a', 'b'])
      await using server = await serve({
        '/dated': { data: Buffer.from('x'), modified: 'Wed, 21 Oct 2015 07:28:00 GMT' },
        '/tree.tar.gz': { data },
        '/plain': { data: Buffer.from('x') },
      })
      const stage = async (path: string) => {
        const lines = ['ARG SOURCE_DATE_EPOCH=src', 'FROM scratch AS src', `ADD ${server.url}${path} /x`, 'FROM src']
        await work.write({ Dockerfile: lines.join('\n') })
        return await built(work, work.context)
      }
      assert.is(await stage('/dated'), 1_445_412_480)
      assert.is(await stage('/tree.tar.gz'), 1_600_000_777)
      assert.ok((await stage('/plain')) > 1_700_000_000)
    },
    { skip: rootSkip(), timeoutMs: 60_000 },
  )
})
