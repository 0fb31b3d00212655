import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { gitProblem, startGitServer } from './git-server.js'
import { rootSkip } from './progress.js'
import { type Workspace, workspace } from './workspace.js'

const skip = rootSkip() ?? gitProblem()
const options = { skip, timeoutMs: 120_000 }

interface WebServer extends AsyncDisposable {
  readonly url: string
  readonly host: string
  readonly requests: IncomingMessage[]
}

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<WebServer> {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function build(work: Workspace, dockerfile: string, ...flags: string[]) {
  await work.write({ Dockerfile: dockerfile })
  const out = join(work.path, 'out')
  const result = await work.tsbuild(['build', '--progress', 'plain', '-o', out, ...flags, work.context])
  return { ...result, file: (name: string) => readFile(join(out, name), 'utf8') }
}

async function archive(work: Workspace, files: Record<string, string>): Promise<Buffer> {
  const directory = join(work.path, 'archive')
  await mkdir(directory, { recursive: true })
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text)
  return execFileSync('tar', ['-C', directory, '-czf', '-', '.'])
}

/** Whether any file under a folder has these bytes. */
function holds(directory: string, secret: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => statSync(path).size < 64 << 20 && readFileSync(path).includes(secret))
}

tests('further contexts', (test) => {
  test(
    '--build-context takes a git repository, an archive and a file by HTTP',
    async () => {
      await using git = await startGitServer()
      await using work = await workspace()
      git.repository('lib').commit({ 'sub/f': 'from git', 'sub/skipped': 'x', 'sub/.dockerignore': 'skipped\n' })
      const tar = await archive(work, { f: 'from the archive' })
      await using web = await serve(({ url }, response) => response.end(url === '/files.tgz' ? tar : 'a file'))
      const { code, stderr, file } = await build(
        work,
        [
          'FROM scratch',
          'COPY --from=lib . /git/',
          'COPY --from=files f /archive',
          'COPY --from=one notes.txt /notes',
        ].join('\n'),
        ...['--build-context', `lib=${git.http}/lib.git#main:sub`],
        ...['--build-context', `files=${web.url}/files.tgz`],
        ...['--build-context', `one=${web.url}/notes.txt`],
      )
      assert.is(code, 0, stderr)
      assert.is(await file('git/f'), 'from git')
      assert.not.ok(readdirSync(join(work.path, 'out', 'git')).includes('skipped'))
      assert.is(await file('archive'), 'from the archive')
      assert.is(await file('notes'), 'a file')
      assert.match(stderr, /\[context lib\] load git source/)
    },
    options,
  )

  test(
    'a context by HTTP that its server calls unchanged is not fetched again',
    async () => {
      await using work = await workspace()
      const tar = await archive(work, { Dockerfile: 'FROM scratch\nCOPY f /\n', f: 'one' })
      let sent = 0
      await using web = await serve((request, response) => {
        if (request.headers['if-none-match'] === '"v1"') return response.writeHead(304).end()
        sent++
        return response.writeHead(200, { etag: '"v1"' }).end(tar)
      })
      for (let turn = 0; turn < 2; turn++) {
        const out = join(work.path, `out-${turn}`)
        const { code, stderr } = await work.tsbuild(['build', '-o', out, `${web.url}/c.tgz`])
        assert.is(code, 0, stderr)
        assert.is(await readFile(join(out, 'f'), 'utf8'), 'one')
      }
      assert.is(sent, 1)
      assert.is(web.requests.length, 2)
    },
    options,
  )

  test(
    'HTTP_AUTH secrets go to their host alone, and are kept nowhere',
    async () => {
      const token = 'tok-3f9a-very-secret'
      await using work = await workspace()
      await using other = await serve((_, response) => response.end('elsewhere'))
      await using web = await serve(({ url, headers }, response) => {
        if (headers.authorization !== `Bearer ${token}`) return response.writeHead(401).end()
        if (url === '/away') return response.writeHead(302, { location: `${other.url}/x` }).end()
        return response.end('let in')
      })
      const dockerfile = `FROM scratch\nADD ${web.url}/f /f\nADD ${web.url}/away /g\n`
      const refused = await build(work, dockerfile)
      assert.is(refused.code, 1)
      assert.match(refused.stderr, /401 Unauthorized/)
      const secret = join(work.path, 'token')
      await writeFile(secret, `${token}\n`)
      const { code, stderr, file } = await build(
        work,
        dockerfile,
        ...['--secret', `id=HTTP_AUTH_TOKEN_127.0.0.1,src=${secret}`],
      )
      assert.is(code, 0, stderr)
      assert.is(await file('f'), 'let in')
      assert.is(await file('g'), 'elsewhere')
      assert.equal(
        other.requests.map(({ headers }) => headers.authorization),
        [undefined],
      )
      assert.not.match(stderr, /tok-3f9a/)
      assert.equal(holds(work.root, token), [])
      assert.equal(holds(work.root, Buffer.from(token).toString('base64').slice(0, -2)), [])
    },
    options,
  )

  test(
    '--file takes a URL, and --call and --check take remote contexts',
    async () => {
      await using git = await startGitServer()
      await using work = await workspace()
      git.repository('app').commit({
        Dockerfile: '# the service\nFROM scratch AS service\nCOPY f /\n',
        f: 'x',
        'bad.Dockerfile': 'FROM scratch as lower\nCOPY f /\n',
      })
      await using web = await serve((_, response) => response.end('FROM scratch\nCOPY mine /copied\n'))
      await work.write({ mine: 'from the context' })
      const out = join(work.path, 'out')
      const built = await work.tsbuild(['build', '-f', `${web.url}/Dockerfile`, '-o', out, work.context])
      assert.is(built.code, 0, built.stderr)
      assert.is(await readFile(join(out, 'copied'), 'utf8'), 'from the context')
      const targets = await work.tsbuild(['build', '--call=targets', `${git.http}/app.git`])
      assert.is(targets.code, 0, targets.stderr)
      assert.match(targets.stdout, /service \(default\)/)
      const check = await work.tsbuild(['build', '--check', '-f', 'bad.Dockerfile', `${git.http}/app.git`])
      assert.is(check.code, 1)
      assert.match(check.stdout, /FromAsCasing/)
    },
    options,
  )

  test(
    'repositories by ssh are fetched with the keys of --ssh',
    async () => {
      await using git = await startGitServer()
      await using work = await workspace()
      const repository = git.repository('app')
      repository.commit({ f: 'by ssh' })
      const key = join(work.path, 'key')
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'the-key', '-f', key])
      // Stands for ssh and the server: what it is given for authentication is real.
      const bin = join(work.path, 'bin')
      const log = join(work.path, 'log')
      await mkdir(bin)
      const script = [
        '#!/bin/sh',
        `printf '%s\\n' "$*" >> ${log}`,
        'for word in "$@"; do case $word in IdentityAgent=*) agent=$(echo "$word" | cut -d= -f2-) ;; esac; command=$word; done',
        `SSH_AUTH_SOCK=$(echo "$agent" | tr -d '"') ssh-add -l >> ${log} 2>&1`,
        'exec sh -c "$command"',
      ]
      await writeFile(join(bin, 'ssh'), script.join('\n'), { mode: 0o755 })
      await work.write({ Dockerfile: `FROM scratch\nADD git@example.test:${repository.path} /\n` })
      const out = join(work.path, 'out')
      const env = { PATH: `${bin}:${process.env.PATH}`, SSH_AUTH_SOCK: '' }
      const args = ['build', '--ssh', `default=${key}`, '-o', out, work.context]
      const { code, stderr } = await work.tsbuild(args, { env })
      const told = await readFile(log, 'utf8').catch(() => 'ssh was not started')
      assert.is(code, 0, `${stderr}\n${told}`)
      assert.is(await readFile(join(out, 'f'), 'utf8'), 'by ssh')
      assert.match(told, /BatchMode=yes .*StrictHostKeyChecking=accept-new .*git@example\.test/)
      assert.match(told, /the-key \(ED25519\)/)
      assert.not.match(told, /Could not open/)
    },
    options,
  )

  test(
    'images of all stages that are needed are asked for side by side',
    async () => {
      await using work = await workspace()
      let open = 0
      let most = 0
      const waiting: (() => void)[] = []
      // Nobody is answered before all four have asked: one after the other, they would wait for ever.
      await using web = await serve((_, response) => {
        most = Math.max(most, ++open)
        waiting.push(() => response.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}'))
        if (most >= 4) for (const answer of waiting.splice(0)) answer()
      })
      const image = (name: string) => `${web.host}/${name}`
      const { code, stderr } = await build(
        work,
        [
          `FROM ${image('a')} AS a`,
          'COPY x /',
          `FROM ${image('b')} AS b`,
          'COPY --from=a x /',
          `COPY --from=${image('c')} x /`,
          `RUN --mount=from=${image('d')},target=/m true`,
          `FROM ${image('unused')} AS unused`,
          'FROM b',
        ].join('\n'),
      )
      assert.is(code, 1)
      assert.match(stderr, /MANIFEST_UNKNOWN|not found|404/)
      assert.ok(most >= 4, `${most} at a time`)
      assert.not.ok(web.requests.some(({ url }) => url?.includes('unused')))
    },
    options,
  )
})
