import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { startGitServer } from './git-server.js'
import { cachedSteps } from './progress.js'
import { leftOver, options, text } from './remote-context-support.js'
import { workspace } from './workspace.js'

tests('remote contexts', (test) => {
  test(
    'build takes a git repository as its context, with -f inside it and its .dockerignore',
    async () => {
      await using server = await startGitServer()
      await using work = await workspace()
      const repository = server.repository('repo')
      repository.commit({
        Dockerfile: 'FROM scratch\nCOPY . /\n',
        'sub/Dockerfile': 'FROM scratch\nCOPY f /sub\n',
        'sub/f': 'sub',
        'docker/other': 'FROM scratch\nCOPY keep /other\n',
        '.dockerignore': 'skipped\n',
        skipped: 's',
        keep: 'k',
      })
      const url = `${server.http}/repo.git`
      const build = async (context: string, ...flags: string[]) => {
        const out = join(work.path, `out-${Math.random()}`)
        const ended = await work.tsbuild(['build', '--progress', 'plain', '-o', out, ...flags, context])
        assert.is(ended.code, 0, ended.stderr)
        return { out, stderr: ended.stderr }
      }
      const whole = await build(url)
      assert.equal((await readdir(whole.out)).sort(), ['.dockerignore', 'Dockerfile', 'docker', 'keep', 'sub'])
      assert.match(whole.stderr, /\[internal\] load git source http/)
      assert.match(cachedSteps((await build(url)).stderr).join(), /COPY/)
      assert.equal(await readdir((await build(`${url}#main:sub`)).out), ['sub'])
      assert.equal(await readdir((await build(url, '-f', 'docker/other')).out), ['other'])
      await work.write({ own: 'FROM scratch\nCOPY keep /own\n' })
      assert.equal(await readdir((await build(url, '-f', join(work.context, 'own'))).out), ['own'])
      const kept = await build(url, '--build-arg', 'BUILDKIT_CONTEXT_KEEP_GIT_DIR=1')
      assert.ok(existsSync(join(kept.out, '.git', 'HEAD')))
      repository.commit({ keep: 'changed' })
      const changed = await build(url)
      assert.is(await text(changed.out, 'keep'), 'changed')
      assert.equal(cachedSteps(changed.stderr), [])
      assert.equal(await leftOver(work), [])
      const missing = await work.tsbuild(['build', `${url}#none`])
      assert.is(missing.code, 1)
      assert.match(missing.stderr, /does not contain ref none/)
      await work.ok(['build', '-f', '-', '-o', join(work.path, 'text'), url], {
        input: 'FROM scratch\nCOPY keep /from-text\n',
      })
      assert.is(await text(work.path, 'text', 'from-text'), 'changed')
    },
    options,
  )

  test(
    'build reads no Dockerfile to which a link in a repository leads out',
    async () => {
      await using server = await startGitServer()
      await using work = await workspace()
      const repository = server.repository('repo')
      repository.commit({ f: '1' })
      spawnSync('ln', ['-s', '/etc/passwd', join(repository.path, 'Dockerfile')])
      repository.commit({})
      const { code, stderr } = await work.tsbuild(['build', `${server.http}/repo.git`])
      assert.is(code, 1)
      assert.match(stderr, /leads out of the context/)
      assert.not.match(stderr, /root:/)
    },
    options,
  )

  test(
    'build takes an archive or a Dockerfile by HTTP as its context',
    async () => {
      await using work = await workspace()
      await work.write({ Dockerfile: 'FROM scratch\nCOPY f /\n', other: 'FROM scratch\nCOPY f /g\n', f: 'content' })
      const tar = (...flags: string[]) => spawnSync('tar', [...flags, '-C', work.context, '.']).stdout
      const bodies: Record<string, Uint8Array | string> = {
        '/context.tar': tar('-c'),
        '/context.tar.gz': tar('-cz'),
        '/context.tar.xz': tar('-cJ'),
        '/moved': '',
        '/Dockerfile': 'FROM scratch\nADD <<x /\ntext\nx\n',
      }
      const server = createServer((request, response) => {
        const body = bodies[request.url ?? '']
        if (request.url === '/moved') response.writeHead(302, { location: '/context.tar.gz' }).end()
        else if (body === undefined) response.writeHead(404).end()
        else response.end(body)
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      try {
        const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
        for (const path of ['/context.tar', '/context.tar.gz', '/context.tar.xz', '/moved']) {
          const out = join(work.path, `out${path}`)
          await work.ok(['build', '-o', out, url + path])
          assert.is(await text(out, 'f'), 'content', path)
        }
        await work.ok(['build', '-o', join(work.path, 'g'), '-f', 'other', `${url}/context.tar`])
        assert.is(await text(work.path, 'g', 'g'), 'content')
        await work.ok(['build', '-o', join(work.path, 'd'), `${url}/Dockerfile`])
        assert.is(await text(work.path, 'd', 'x'), 'text\n')
        const missing = await work.tsbuild(['build', `${url.replace('//', '//u:s3cret@')}/none`])
        assert.is(missing.code, 1)
        assert.match(missing.stderr, /Cannot fetch "http:\/\/127.*404/)
        assert.not.match(missing.stderr, /s3cret/)
        assert.equal(await leftOver(work), [])
      } finally {
        server.closeAllConnections()
        server.close()
      }
    },
    options,
  )
})
