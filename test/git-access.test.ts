import { readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { makeKey, processesNamed, startAgent } from './agent-tools.js'
import { gitProblem, startGitServer } from './git-server.js'
import { cachedSteps, rootSkip } from './progress.js'
import { sshServerProblem, startSshServer } from './ssh-server.js'
import { type RunOptions, type Workspace, workspace } from './workspace.js'

const options = { skip: rootSkip() ?? gitProblem(), timeoutMs: 120_000 }
const sshOptions = { ...options, skip: options.skip ?? sshServerProblem() }
const noAgent = { SSH_AUTH_SOCK: '' }

/** Waits for the end of all agents that were not there before, also of those of other tests. */
async function sameAgents(before: readonly string[]): Promise<void> {
  while ((await processesNamed('ssh-agent')).some((pid) => !before.includes(pid))) await delay(50)
}

let outputs = 0

/** Builds into a new folder. */
async function build(work: Workspace, args: readonly string[], run: RunOptions = {}) {
  const out = join(work.path, `out-${outputs++}`)
  const ended = await work.tsbuild(['build', '--progress', 'plain', '-o', out, ...args], run)
  return { ...ended, file: (name: string) => readFile(join(out, name), 'utf8') }
}

/** Files below a folder that have these bytes. */
function filesWith(directory: string, text: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).includes(text))
}

tests('git by ssh', (test) => {
  test(
    'context, ADD and --build-context use the key that --ssh default forwards, and leave nothing of it',
    async () => {
      await using work = await workspace()
      await using git = await startGitServer()
      const key = join(work.path, 'key')
      await makeKey(key)
      await using server = await startSshServer({ authorized: `${key}.pub` })
      const repository = git.repository('repo')
      repository.commit({ f: 'by ssh', Dockerfile: 'FROM scratch\nCOPY f /context\n' })
      const url = server.url(repository.path)
      const before = await processesNamed('ssh-agent')
      const env = noAgent
      const ssh = ['--ssh', `default=${key}`]
      const context = await build(work, [...ssh, url], { env })
      assert.is(context.code, 0, context.stderr)
      assert.is(await context.file('context'), 'by ssh')
      await work.write({ Dockerfile: `FROM scratch\nADD ${url}#main /added/\nCOPY --from=other f /named\n` })
      const args = [...ssh, '--build-context', `other=${url}`, work.context]
      const added = await build(work, args, { env })
      assert.is(added.code, 0, added.stderr)
      assert.is(await added.file('added/f'), 'by ssh')
      assert.is(await added.file('named'), 'by ssh')
      const again = await build(work, args, { env })
      assert.is(cachedSteps(again.stderr).filter((name) => /ADD|COPY/.test(name)).length, 2, again.stderr)
      await sameAgents(before)
      const secret = readFileSync(key, 'utf8').split('\n')[2] ?? ''
      assert.ok(secret.length > 40)
      assert.equal(filesWith(work.root, secret), [])
    },
    sshOptions,
  )

  test(
    "a running agent serves below a long root folder; without one, or with another's key, the error says what helps",
    async () => {
      await using work = await workspace()
      await using git = await startGitServer()
      const key = join(work.path, 'key')
      await makeKey(key)
      await makeKey(join(work.path, 'stranger'))
      await using agent = await startAgent(work.path, key)
      await using server = await startSshServer({ authorized: `${key}.pub` })
      const repository = git.repository('repo')
      repository.commit({ f: 'by ssh' })
      await work.write({ Dockerfile: `FROM scratch\nADD ${server.url(repository.path)} /\n` })
      const env = { SSH_AUTH_SOCK: agent.socket, TSBUILD_ROOT: join(work.root, 'x y'.repeat(40)) }
      const served = await build(work, ['--ssh', 'default', work.context], { env })
      assert.is(served.code, 0, served.stderr)
      assert.is(await served.file('f'), 'by ssh')
      // A Dockerfile gets no agent that it was not given, though one runs.
      for (const flags of [[], ['--ssh', `default=${join(work.path, 'stranger')}`]]) {
        const refused = await build(work, [...flags, work.context], { env: { SSH_AUTH_SOCK: agent.socket } })
        assert.is(refused.code, 1)
        assert.match(refused.stderr, /Cannot fetch "ssh:.*Permission denied/)
        assert.match(refused.stderr, /--ssh default/)
      }
      repository.commit({ Dockerfile: 'FROM scratch\nCOPY f /context\n' })
      const context = await build(work, [server.url(repository.path)], { env: { SSH_AUTH_SOCK: agent.socket } })
      assert.is(context.code, 0, context.stderr)
      assert.is(await context.file('context'), 'by ssh')
    },
    sshOptions,
  )

  test(
    "a host's key is remembered, and another one is refused later",
    async () => {
      await using work = await workspace()
      await using git = await startGitServer()
      const key = join(work.path, 'key')
      await makeKey(key)
      const repository = git.repository('repo')
      repository.commit({ f: '1', Dockerfile: 'FROM scratch\nCOPY f /\n' })
      const args = ['--ssh', `default=${key}`]
      const first = await startSshServer({ authorized: `${key}.pub` })
      const url = first.url(repository.path)
      const known = await build(work, [...args, url], { env: noAgent }).finally(() => first[Symbol.asyncDispose]())
      assert.is(known.code, 0, known.stderr)
      await using _second = await startSshServer({ authorized: `${key}.pub`, port: first.port })
      const changed = await build(work, [...args, url], { env: noAgent })
      assert.is(changed.code, 1)
      assert.match(changed.stderr, /Host key verification failed/)
    },
    sshOptions,
  )
})

interface Relay extends AsyncDisposable {
  readonly url: string
  readonly authorizations: (string | undefined)[]
}

/** Passes requests on to a server, but for paths that lead elsewhere. */
async function relay(target: string, redirect: (path: string) => string | undefined = () => undefined): Promise<Relay> {
  const authorizations: (string | undefined)[] = []
  const server = createServer((incoming, outgoing) => {
    const path = incoming.url ?? ''
    authorizations.push(incoming.headers.authorization)
    const location = redirect(path)
    if (location !== undefined) return void outgoing.writeHead(301, { location }).end()
    const { host: _, ...headers } = incoming.headers
    const passed = httpRequest(new URL(path, target), { method: incoming.method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(outgoing)
    })
    passed.on('error', () => outgoing.destroy())
    incoming.pipe(passed)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    authorizations,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

tests('git credentials', (test) => {
  test(
    'a token goes to the server that was named, and not to the one that it leads to',
    async () => {
      await using work = await workspace()
      await using git = await startGitServer()
      git.repository('repo').commit({ f: 'elsewhere' })
      await using stranger = await relay(git.http)
      await using named = await relay(git.http, (path) => stranger.url + path)
      await work.write({ Dockerfile: `FROM scratch\nADD ${named.url}/repo.git /\n` })
      const { code, stderr, file } = await build(work, ['--secret', 'id=GIT_AUTH_TOKEN,env=T', work.context], {
        env: { T: 'tok-1234567' },
      })
      assert.is(code, 0, stderr)
      assert.is(await file('f'), 'elsewhere')
      assert.ok(named.authorizations.some((value) => value?.startsWith('Basic ')))
      assert.ok(stranger.authorizations.length > 0)
      assert.ok(stranger.authorizations.every((value) => value === undefined))
      for (const text of ['tok-1234567', Buffer.from('x-access-token:tok-1234567').toString('base64')])
        assert.equal(filesWith(work.root, text), [])
    },
    options,
  )

  test(
    'a repository that has moved on its server is found with the token; on another one that one needs its own',
    async () => {
      await using work = await workspace()
      await using git = await startGitServer({ credentials: 'x-access-token:tok-1234567' })
      git.repository('repo').commit({ f: 'moved' })
      await using server = await relay(git.http, (path) =>
        path.startsWith('/old.git/') ? path.replace('/old.git', '/repo.git') : undefined,
      )
      await using other = await relay(git.http, (path) => git.http + path)
      const env = { WRONG: 'other-7654321', RIGHT: 'tok-1234567' }
      const add = async (url: string, ...secrets: string[]) => {
        await work.write({ Dockerfile: `FROM scratch\nADD ${url} /\n` })
        const flags = secrets.flatMap((secret) => ['--secret', secret])
        return await build(work, [...flags, work.context], { env })
      }
      const moved = await add(`${server.url}/old.git`, 'id=GIT_AUTH_TOKEN,env=RIGHT')
      assert.is(moved.code, 0, moved.stderr)
      assert.is(await moved.file('f'), 'moved')
      const refused = await add(`${other.url}/repo.git`, 'id=GIT_AUTH_TOKEN,env=RIGHT')
      assert.is(refused.code, 1)
      assert.match(refused.stderr, /Authentication failed|terminal prompts disabled/)
      assert.match(refused.stderr, /--secret id=GIT_AUTH_TOKEN/)
      assert.not.match(refused.stderr, /tok-1234567/)
      const host = `id=GIT_AUTH_TOKEN.${new URL(git.http).host},env=RIGHT`
      const own = await add(`${other.url}/repo.git`, 'id=GIT_AUTH_TOKEN,env=WRONG', host)
      assert.is(own.code, 0, own.stderr)
      assert.is(await own.file('f'), 'moved')
    },
    options,
  )
})
