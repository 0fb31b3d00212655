import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { startGitDaemon, startGitServer } from './git-server.js'
import { cachedSteps, ranSteps } from './progress.js'
import { leftOver, options, text } from './remote-context-support.js'
import { type Workspace, workspace } from './workspace.js'

/** Builds a Dockerfile with one line after FROM scratch, and gives the folder with what it made. */
async function add(work: Workspace, line: string, ...flags: string[]): Promise<{ out: string; stderr: string }> {
  await work.write({ Dockerfile: `FROM scratch\n${line}\n` })
  const out = join(work.path, `out-${Math.random().toString(36).slice(2)}`)
  const { code, stderr } = await work.tsbuild(['build', '--progress', 'plain', '-o', out, ...flags, work.context])
  assert.is(code, 0, stderr)
  return { out, stderr }
}

async function addFails(work: Workspace, line: string, why: RegExp): Promise<void> {
  await work.write({ Dockerfile: `FROM scratch\n${line}\n` })
  const { code, stderr } = await work.tsbuild(['build', '--progress', 'plain', work.context])
  assert.is(code, 1, stderr)
  assert.match(stderr, why)
}

tests('ADD of git repositories', (test) => {
  test(
    'ADD takes the default branch, a branch, a tag, a commit, a full ref, a folder',
    async () => {
      await using server = await startGitServer()
      await using work = await workspace()
      const repository = server.repository('repo')
      const first = repository.commit({ f: 'one', 'dir/sub/g': 'g1' })
      repository.git('tag', 'light')
      repository.commit({ f: 'two' })
      repository.git('tag', '-a', '-m', 'x', 'annotated')
      repository.git('checkout', '-q', '-b', 'side/way')
      const side = repository.commit({ f: 'side', 'dir/sub/g': 'g2' })
      repository.git('update-ref', 'refs/pull/1/head', side)
      repository.git('checkout', '-q', 'main')
      repository.commit({ f: 'three' })
      const url = `${server.http}/repo.git`
      const cases: Record<string, string> = {
        [url]: 'three',
        [`${url}#main`]: 'three',
        [`${url}#side/way`]: 'side',
        [`${url}#light`]: 'one',
        [`${url}#annotated`]: 'two',
        [`${url}#refs/tags/light`]: 'one',
        [`${url}#refs/pull/1/head`]: 'side',
        [`${url}#pull/1/head`]: 'side',
        [`${url}#${first}`]: 'one',
        [`${url}?tag=annotated`]: 'two',
        [`${url}?branch=side/way`]: 'side',
        [`${url}?ref=light`]: 'one',
        [`${url}?checksum=${first}`]: 'one',
      }
      const lines = Object.keys(cases).map((source, index) => `ADD ${source} /${index}/`)
      const { out } = await add(work, lines.join('\n'))
      for (const [index, [source, content]] of Object.entries(cases).entries()) {
        assert.is(await text(out, String(index), 'f'), content, source)
        assert.not(existsSync(join(out, String(index), '.git')), source)
      }
      for (const source of [`${url}#:dir/sub`, `${url}#main:/dir/sub/`, `${url}?subdir=dir/sub`]) {
        const made = await add(work, `ADD ${source} /d`)
        assert.equal(await readdir(join(made.out, 'd')), ['g'], source)
      }
      assert.equal(await leftOver(work), [])
    },
    options,
  )

  test(
    'ADD is cached by the commit, runs again when the branch moved, and fetches only what is new',
    async () => {
      await using server = await startGitServer()
      await using work = await workspace()
      const repository = server.repository('repo')
      repository.commit({ f: 'one', big: 'x'.repeat(100_000) })
      const line = `ADD ${server.http}/repo.git#main /r`
      const first = await add(work, line)
      assert.is(ranSteps(first.stderr).filter((name) => /ADD/.test(name)).length, 1, first.stderr)
      server.requests.length = 0
      const second = await add(work, line)
      assert.is(cachedSteps(second.stderr).filter((name) => /ADD/.test(name)).length, 1, second.stderr)
      assert.equal(
        server.requests.filter((request) => /info\/refs/.test(request)).length,
        1,
        'a build asks for a ref once',
      )
      repository.commit({ f: 'two' })
      const third = await add(work, `${line}\n${line}2`)
      assert.is(cachedSteps(third.stderr).filter((name) => /ADD/.test(name)).length, 0)
      assert.is(await text(third.out, 'r', 'f'), 'two')
      assert.is(await text(third.out, 'r2', 'f'), 'two')
      assert.is((await readdir(join(work.root, 'downloads', 'git'))).length, 1)
    },
    options,
  )

  test(
    'ADD of a commit that the mirror has needs no network',
    async () => {
      await using work = await workspace()
      let line = ''
      {
        await using server = await startGitServer()
        const repository = server.repository('repo')
        const commit = repository.commit({ f: 'one' })
        repository.commit({ f: 'two' })
        line = `ADD ${server.http}/repo.git#${commit} /`
        await add(work, line)
      }
      const again = await add(work, line, '--no-cache')
      assert.is(await text(again.out, 'f'), 'one')
    },
    options,
  )

  test(
    'ADD mixes repositories with files, and keeps --chmod, --exclude and --link',
    async () => {
      await using server = await startGitServer()
      await using work = await workspace()
      server.repository('repo').commit({ a: 'a', 'b.md': 'b', 'run.sh': '#!/bin/sh\n' })
      await work.write({ local: 'local' })
      const { out } = await add(work, `ADD --link --exclude=*.md --chmod=600 ${server.http}/repo.git local /d/`)
      assert.equal((await readdir(join(out, 'd'))).sort(), ['a', 'local', 'run.sh'])
    },
    options,
  )

  test(
    'ADD --keep-git-dir keeps a git directory that works and says where it came from',
    async () => {
      await using server = await startGitServer({ credentials: 'me:s3cret' })
      await using work = await workspace()
      const repository = server.repository('repo')
      const commit = repository.commit({ f: 'one' })
      repository.git('tag', '-a', '-m', 'x', 'v1')
      const url = `${server.http.replace('//', '//me:s3cret@')}/repo.git`
      const inside = (path: string, ...args: string[]) =>
        spawnSync('git', ['-c', `safe.directory=${path}`, ...args], { cwd: path, encoding: 'utf8' }).stdout.trim()
      for (const [line, branch] of [
        [`ADD --keep-git-dir=true ${url} /r`, 'heads/main'],
        [`ADD --keep-git-dir ${url}#v1 /r`, 'tags/v1'],
        [`ADD ${url}?keep-git-dir=1&ref=${commit} /r`, undefined],
      ] as const) {
        const { out } = await add(work, line)
        const path = join(out, 'r')
        assert.is(inside(path, 'rev-parse', 'HEAD'), commit, line)
        assert.is(inside(path, 'status', '--porcelain'), '', line)
        assert.is(inside(path, 'config', 'remote.origin.url'), `${server.http}/repo.git`)
        if (branch !== undefined) assert.match(inside(path, 'for-each-ref'), branch)
        const found = spawnSync('grep', ['-rlE', 's3cret|bWU6czNjcmV0', out, join(work.root, 'downloads')])
        assert.is(String(found.stdout), '')
      }
    },
    options,
  )

  test(
    'ADD takes submodules along, also relative ones, unless told otherwise, and none from files',
    async () => {
      await using server = await startGitServer()
      await using work = await workspace()
      const inner = server.repository('inner')
      inner.commit({ i: 'inner' })
      const middle = server.repository('middle')
      middle.git('submodule', '--quiet', 'add', inner.path, 'in ner')
      middle.git('config', '-f', '.gitmodules', 'submodule.in ner.url', `${server.http}/inner.git`)
      middle.commit({ m: 'middle' })
      const outer = server.repository('outer')
      outer.git('submodule', '--quiet', 'add', middle.path, 'mid')
      outer.git('config', '-f', '.gitmodules', 'submodule.mid.url', '../middle.git')
      outer.commit({ o: 'outer' })
      const all = await add(work, `ADD ${server.http}/outer.git /r`)
      assert.is(await text(all.out, 'r/mid/in ner/i'), 'inner')
      assert.equal((await readdir(join(all.out, 'r'))).sort(), ['.gitmodules', 'mid', 'o'])
      assert.equal((await readdir(join(all.out, 'r/mid'))).sort(), ['.gitmodules', 'in ner', 'm'])
      const kept = await add(work, `ADD --keep-git-dir ${server.http}/outer.git /r`)
      assert.is(await text(kept.out, 'r/mid/in ner/i'), 'inner')
      const none = await add(work, `ADD ${server.http}/outer.git?submodules=false /r`)
      assert.equal(await readdir(join(none.out, 'r/mid')), [])
      outer.git('config', '-f', '.gitmodules', 'submodule.mid.url', middle.path)
      outer.commit({})
      await addFails(work, `ADD ${server.http}/outer.git /r`, /transport 'file' not allowed/)
      outer.git('config', '-f', '.gitmodules', 'submodule.mid.url', `ext::touch ${join(work.path, 'ran')}`)
      outer.commit({})
      await addFails(work, `ADD ${server.http}/outer.git /r`, /transport 'ext' not allowed/)
      assert.not(existsSync(join(work.path, 'ran')))
    },
    options,
  )

  test(
    'ADD reads servers of plain files, git:// ones, and those that want credentials or a secret token',
    async () => {
      await using work = await workspace()
      await using plain = await startGitServer({ plainFiles: true })
      const served = plain.repository('repo')
      const old = served.commit({ f: 'plain' })
      served.commit({ f: 'plain2' })
      assert.is(await text((await add(work, `ADD ${plain.http}/repo.git /`)).out, 'f'), 'plain2')
      assert.is(await text((await add(work, `ADD ${plain.http}/repo.git#${old} /`)).out, 'f'), 'plain')
      {
        await using daemon = await startGitDaemon(served)
        assert.is(await text((await add(work, `ADD ${daemon.url}#main /`)).out, 'f'), 'plain2')
      }
      await using closed = await startGitServer({ credentials: 'x-access-token:t0ken' })
      closed.repository('repo').commit({ f: 'closed' })
      await addFails(work, `ADD ${closed.http}/repo.git /`, /terminal prompts disabled|Authentication failed/)
      const token = join(work.path, 'token')
      await work.write({ '../token': 't0ken\n' })
      const { out } = await add(work, `ADD ${closed.http}/repo.git /`, '--secret', `id=GIT_AUTH_TOKEN,src=${token}`)
      assert.is(await text(out, 'f'), 'closed')
    },
    options,
  )

  test(
    'ADD names what is wrong, without passwords',
    async () => {
      await using server = await startGitServer()
      await using work = await workspace()
      const repository = server.repository('repo')
      const commit = repository.commit({ f: 'one' })
      const url = `${server.http}/repo.git`
      await addFails(work, `ADD ${url}#nothing /`, /does not contain ref nothing/)
      await addFails(work, `ADD ${url}#${'1'.repeat(40)} /`, /does not contain commit 1111|not our ref/)
      await addFails(work, `ADD ${url}#main:none /`, /Cannot use folder "none".*no such folder/)
      await addFails(work, `ADD ${url}#--upload-pack=x /`, /is no ref/)
      await addFails(work, `ADD ${url}?depth=1 /`, /unexpected query "depth"/)
      await addFails(work, `ADD ${url}#main:../../etc /`, /leads out of the repository/)
      await addFails(work, `ADD --checksum=${'2'.repeat(40)} ${url} /`, new RegExp(`match 2{40}, got ${commit}`))
      await addFails(work, `ADD --checksum=zzz ${url} /`, /checksum/)
      await addFails(work, `ADD ${server.http}/other.git /`, /not found/)
      await addFails(work, 'ADD http://user:s3cret@127.0.0.1:1/x.git /', /Could not connect|Failed to connect/)
      await work.write({ Dockerfile: 'FROM scratch\nADD http://user:s3cret@127.0.0.1:1/x.git /\n' })
      const { stderr } = await work.tsbuild(['build', '--progress', 'plain', work.context])
      assert.match(stderr, /Cannot fetch "http:\/\/127\.0\.0\.1:1\/x\.git"/)
      const { out } = await add(work, `ADD --checksum=${commit.slice(0, 12)} ${url} /`)
      assert.is(await text(out, 'f'), 'one')
      assert.equal(await leftOver(work), [])
    },
    options,
  )

  test(
    'ADD ends git when the build is interrupted',
    async () => {
      await using server = await startGitServer({ hang: true })
      await using work = await workspace()
      await work.write({ Dockerfile: `FROM scratch\nADD ${server.http}/repo.git /\n` })
      const ended = await work.tsbuild(['build', '--progress', 'plain', work.context], {
        onStart: async (child) => {
          while (server.requests.length === 0) await delay(20)
          child.kill('SIGINT')
        },
      })
      assert.ok(ended.code === 130 || ended.signal === 'SIGINT', `${ended.code} ${ended.stderr}`)
      const running = () => spawnSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).stdout
      while (running().includes(`${server.http}/repo.git`)) await delay(50)
    },
    options,
  )
})
