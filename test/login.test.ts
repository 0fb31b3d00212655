import { spawn } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findProgram, registryProblem, startRegistry, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { rootSkip } from './progress.js'
import { workspace } from './workspace.js'

const auth = { user: 'me', password: 'a-secret-word' }
const skip = rootSkip() ?? registryProblem({ auth })
const program = fileURLToPath(new URL('../../packages/cli/bin/tsbuild.js', import.meta.url))

tests('tsbuild login', (test) => {
  test(
    'login keeps what the registry accepted, push and pull use it, and logout forgets it',
    async () => {
      await using registry = await startRegistry({ auth })
      await using work = await workspace()
      const config = join(work.path, 'docker')
      const env = { DOCKER_CONFIG: config }
      const { host } = registry
      const image = `${host}/app:1`
      await work.write({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' })
      await work.ok(['build', '-t', image, work.context])
      const anonymous = await work.tsbuild(['push', image], { env })
      assert.is(anonymous.code, 1)
      assert.match(anonymous.stderr, new RegExp(`Hint: Log in with "tsbuild login ${host}"`))
      const login = (input: string, ...more: string[]) =>
        work.tsbuild(['login', '-u', auth.user, '--password-stdin', ...more, host], { env, input })
      const refused = await login('wrong-word\n')
      assert.is(refused.code, 1)
      assert.match(refused.stderr, /answered 401/)
      assert.not.match(refused.stderr, /wrong-word/)
      await stat(config).then(
        () => assert.unreachable('nothing is kept of a refused login'),
        () => {},
      )
      const accepted = await login(`${auth.password}\n`)
      assert.equal([accepted.code, accepted.stdout], [0, 'Login Succeeded\n'], accepted.stderr)
      assert.match(accepted.stderr, new RegExp(`stored unencrypted in ${join(config, 'config.json')}`))
      assert.is((await stat(join(config, 'config.json'))).mode & 0o777, 0o600)
      await work.ok(['push', image], { env })
      await work.ok(['pull', image], { env: { ...env, TSBUILD_ROOT: join(work.path, 'other') } })
      const again = await work.tsbuild(['login', host], { env })
      assert.equal([again.code, again.stdout], [0, 'Login Succeeded\n'], again.stderr)
      assert.match(again.stderr, /existing credentials/)
      assert.is(await work.ok(['logout', host], { env }), `Removing login credentials for ${host}`)
      assert.is(await work.ok(['logout', host], { env }), `Not logged in to ${host}`)
      assert.equal(JSON.parse(await readFile(join(config, 'config.json'), 'utf8')), {})
    },
    { skip, timeoutMs: 60_000 },
  )

  test('login refuses what it cannot do, before it asks anybody', async () => {
    await using work = await workspace()
    const env = { DOCKER_CONFIG: join(work.path, 'docker') }
    const bad: readonly (readonly [args: readonly string[], input: string, why: RegExp])[] = [
      [['-u', 'u', '-p', 'p', '--password-stdin'], '', /mutually exclusive/],
      [['--password-stdin'], 'p', /--password-stdin needs --username/],
      [['-u', 'u', '--password-stdin'], '\n', /the password is empty/],
      [['-u', ''], '', /the user name is empty/],
      [[], '', /no terminal to ask/],
      [['-u', 'u', '--password-stdin', 'not a host'], 'p', /is not a registry host\nHint: /],
      [['-u', 'u', '--password-stdin', 'localhost:1/a/b'], 'p', /cannot reach "localhost:1"/],
    ]
    for (const [args, input, why] of bad) {
      const { code, stderr } = await work.tsbuild(['login', ...args], { env, input })
      assert.is(code, 1, args.join(' '))
      assert.match(stderr, why)
    }
    const warned = await work.tsbuild(['login', '-u', 'u', '-p', 'a-secret', 'localhost:1'], { env })
    assert.match(warned.stderr, /^WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n/)
    assert.not.match(warned.stderr, /a-secret/)
  })

  test(
    'login asks on a terminal, and the password is not shown',
    async () => {
      await using registry = await startRegistry({ auth })
      await using work = await workspace()
      const env = { ...process.env, DOCKER_CONFIG: join(work.path, 'docker') }
      const child = spawn(
        'script',
        ['-qec', `"${process.execPath}" "${program}" login ${registry.host}`, '/dev/null'],
        {
          env,
          stdio: ['pipe', 'pipe', 'inherit'],
        },
      )
      let shown = ''
      const answers: [question: RegExp, answer: string][] = [
        [/Username: $/, `${auth.user}\r`],
        [/Password: $/, `${auth.password}\r`],
      ]
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        shown += text
        if (answers[0]?.[0].test(shown)) child.stdin.write(answers.shift()?.[1] ?? '')
      })
      const code = await new Promise((resolve) => child.once('close', resolve))
      assert.is(code, 0, shown)
      assert.match(shown, /Username: me\r\n/)
      assert.match(shown, /Login Succeeded/)
      assert.not.match(shown, new RegExp(auth.password))
    },
    { skip: skip ?? (findProgram('script') === undefined ? 'script is not installed' : undefined), timeoutMs: 60_000 },
  )
})
