import { chmod, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openEngine } from '@tsbuild/core'
import { baseRegistryProblem, command, findProgram, startBaseRegistry, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { copyPrograms, makeKey, processesNamed, startAgent } from './agent-tools.js'
import { layersOf } from './oci-tar.js'
import { cachedSteps, ranSteps, rootSkip } from './progress.js'
import { type Workspace, workspace } from './workspace.js'

const missing = ['ssh-agent', 'ssh-add', 'ssh-keygen', 'ldd'].find((name) => findProgram(name) === undefined)
const skip = rootSkip() ?? baseRegistryProblem() ?? (missing === undefined ? undefined : `${missing} not installed`)
const options = { skip, timeoutMs: 90_000 }

/** A base with OpenSSH's programs and a user of its own. */
async function toolBase(work: Workspace, image: string): Promise<string> {
  await copyPrograms(['ssh-add', 'ssh-keygen'], join(work.context, 'tools'))
  await work.write({ passwd: 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:App:/tmp:/bin/sh\n' })
  return `FROM ${image}\nCOPY tools/ /\nCOPY passwd /etc/passwd\n`
}

async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  for (let waited = 0; waited < 8_000; waited += 50) {
    if (await check()) return
    await sleep(50)
  }
  throw new Error(`${what} did not happen within 8 s`)
}

async function sameAgents(before: readonly string[]): Promise<void> {
  await until('the end of the agent', async () =>
    (await processesNamed('ssh-agent')).every((pid) => before.includes(pid)),
  )
}

tests('RUN --mount=type=ssh', (test) => {
  test(
    'a running agent serves steps by their uid and mode, can not be changed by them, and is not in the key or a layer',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      const fingerprint = await makeKey(join(work.path, 'key'))
      await using agent = await startAgent(work.path, join(work.path, 'key'))
      const base = await toolBase(work, registry.images.busybox)
      await work.write({
        Dockerfile: `${base}RUN --mount=type=ssh,required echo sock $SSH_AUTH_SOCK && ssh-add -l
RUN --mount=type=ssh,target=/x/sock --mount=type=ssh ls -l /x /run/buildkit && ! ssh-add -D && ssh-add -l
USER app
RUN --mount=type=ssh,uid=1000,mode=0600 ssh-add -l
RUN --mount=type=ssh ! ssh-add -l && echo closed
RUN --mount=type=ssh,mode=0666 SSH_AUTH_SOCK=$SSH_AUTH_SOCK ssh-add -l
`,
      })
      const tar = join(work.path, 'out.tar')
      const args = ['build', '--progress', 'plain', '-o', `type=oci,dest=${tar}`]
      const first = await work.tsbuild([...args, '--ssh', 'default', work.context], {
        env: { SSH_AUTH_SOCK: agent.socket },
      })
      assert.is(first.code, 0, first.stderr)
      assert.match(first.stderr, /sock \/run\/buildkit\/ssh_agent\.0/)
      assert.match(first.stderr, /srw------- .* ssh_agent\.1/)
      assert.match(first.stderr, /\d closed/)
      assert.is(first.stderr.split(fingerprint).length - 1, 4)
      assert.match(await agent.list(), new RegExp(fingerprint.replace(/[/+]/g, '\\$&')))
      assert.equal(
        (await layersOf(tar)).flat().filter((name) => /sock|ssh_agent|^run\//.test(name)),
        [],
      )
      assert.equal(await readdir(join(work.root, 'contexts')), [])
      const again = await work.tsbuild([...args, work.context])
      assert.is(again.code, 0, again.stderr)
      assert.is(cachedSteps(again.stderr).filter((name) => /RUN/.test(name)).length, 5, again.stderr)
    },
    options,
  )

  test(
    'key files are served by an agent of the build alone, which ends with it, also by SIGKILL',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      const before = await processesNamed('ssh-agent')
      const keys = [join(work.path, 'one'), join(work.path, 'two')]
      const fingerprints = [await makeKey(keys[0] ?? ''), await makeKey(keys[1] ?? '')]
      await chmod(keys[0] ?? '', 0o644)
      const base = await toolBase(work, registry.images.busybox)
      await work.write({
        'key.pub': await readFile(`${keys[1]}.pub`, 'utf8'),
        Dockerfile: `${base}COPY key.pub /
RUN --mount=type=ssh,id=git,required ssh-add -l && echo text | ssh-keygen -Y sign -f /key.pub -n test > /text.sig
FROM scratch\nCOPY --from=0 /text.sig /\n`,
      })
      const out = join(work.path, 'out')
      const built = await work.tsbuild([
        ...['build', '--progress', 'plain', '-o', out, '--ssh', `git=${keys.join(',')}`],
        work.context,
      ])
      assert.is(built.code, 0, built.stderr)
      for (const fingerprint of fingerprints) assert.ok(built.stderr.includes(fingerprint))
      await writeFile(join(work.path, 'text'), 'text\n')
      const check = `ssh-keygen -Y check-novalidate -n test -s ${join(out, 'text.sig')} < ${join(work.path, 'text')}`
      assert.match(await command('sh', ['-c', check]), /Good "test" signature/)
      await sameAgents(before)
      const secret = (await readFile(keys[0] ?? '', 'utf8')).split('\n')[2] ?? ''
      assert.ok(secret.length > 40)
      assert.is(await command('sh', ['-c', `grep -rlaF -e '${secret}' ${work.root} || true`]), '')

      await work.write({ Dockerfile: `${base}RUN --mount=type=ssh ssh-add -l && echo going && sleep 60\n` })
      const killed = await work.tsbuild(['build', '--progress', 'plain', '--ssh', `default=${keys[0]}`, work.context], {
        onStderr: (text, child) => void (/\d going/.test(text) && child.kill('SIGKILL')),
      })
      assert.is(killed.signal, 'SIGKILL')
      await sameAgents(before)
      await work.write({ Dockerfile: `FROM ${registry.images.busybox}\nRUN echo after\n` })
      await work.ok(['build', work.context])
      assert.equal(await readdir(join(work.root, 'contexts')), [])
    },
    options,
  )

  test(
    'an agent that is not there is left out, or an error where it is required; bad keys are named',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      const from = `FROM ${registry.images.busybox}\n`
      await work.write({
        Dockerfile: `${from}RUN --mount=type=ssh [ -n "$SSH_AUTH_SOCK" ] && [ ! -e "$SSH_AUTH_SOCK" ]\n`,
      })
      await work.ok(['build', work.context])
      const step = `${from}RUN --mount=type=ssh,id=git,required true\n`
      await work.write({ Dockerfile: step })
      const key = join(work.path, 'locked')
      await makeKey(key, 'a passphrase')
      const failures: [args: string[], env: Record<string, string>, message: RegExp][] = [
        [[], {}, /unset ssh forward key git\n.*--ssh git/s],
        [['--ssh', `git=${key}`], {}, /Cannot use ssh key ".*locked": .*passphrase/s],
        [['--ssh', 'git=/etc/hostname'], {}, /Cannot use ssh key "\/etc\/hostname": /],
        [['--ssh', `git=${key}`], { PATH: '/nowhere' }, /Cannot use ssh keys: ssh-agent is not on PATH/],
        [['--ssh', 'git'], { SSH_AUTH_SOCK: '/none' }, /Cannot forward ssh agent "git": .*ENOENT/],
      ]
      for (const [args, env, message] of failures) {
        const { code, stderr } = await work.tsbuild(['build', '--progress', 'plain', ...args, work.context], { env })
        assert.is(code, 1, stderr)
        assert.match(stderr, message)
        assert.equal(
          ranSteps(stderr).filter((name) => name.includes('RUN')),
          [],
        )
      }
    },
    options,
  )

  test(
    'a root folder with a long path, and runc, serve agents as well',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      const fingerprint = await makeKey(join(work.path, 'key'))
      const base = await toolBase(work, registry.images.busybox)
      await work.write({ Dockerfile: `${base}USER app\nRUN --mount=type=ssh,uid=1000 ssh-add -l\n` })
      const root = join(work.root, 'x'.repeat(100))
      const runtimes = ['native', ...(findProgram('runc') === undefined ? [] : ['runc'])]
      for (const runtime of runtimes) {
        const ended = await work.tsbuild(
          [
            'build',
            '--no-cache',
            '--progress',
            'plain',
            '--runtime',
            runtime,
            '--ssh',
            `default=${work.path}/key`,
            work.context,
          ],
          { env: { TSBUILD_ROOT: root } },
        )
        assert.is(ended.code, 0, ended.stderr)
        assert.ok(ended.stderr.includes(fingerprint))
      }
    },
    options,
  )

  test(
    'a step that two builds share keeps its agent when the build that began it is cancelled',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      const before = await processesNamed('ssh-agent')
      const fingerprint = await makeKey(join(work.path, 'key'))
      const base = await toolBase(work, registry.images.busybox)
      await work.write({ Dockerfile: `${base}RUN --mount=type=ssh echo going && sleep 2 && ssh-add -l\n` })
      await using engine = await openEngine({ root: work.root })
      const cancel = new AbortController()
      let printed = ''
      const run = (signal?: AbortSignal) =>
        engine.build({
          context: work.context,
          ssh: { default: { keys: [join(work.path, 'key')] } },
          ...(signal === undefined ? {} : { signal }),
          onEvent: (event) => {
            if (event.kind === 'log') printed += Buffer.from(event.data).toString()
          },
        })
      const first = run(cancel.signal).catch((error: unknown) => error)
      await until('the start of the step', async () => printed.includes('going'))
      const second = run()
      await sleep(500)
      cancel.abort(new Error('enough'))
      assert.match(String(await first), /enough/)
      await second
      assert.ok(printed.includes(fingerprint), printed)
      await sameAgents(before)
      assert.equal(await readdir(join(work.root, 'contexts')), [])
    },
    options,
  )

  test(
    'SIGINT ends the agent with the build',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      const before = await processesNamed('ssh-agent')
      await makeKey(join(work.path, 'key'))
      await work.write({ Dockerfile: `FROM ${registry.images.busybox}\nRUN --mount=type=ssh echo going && sleep 60\n` })
      const args = ['build', '--progress', 'plain', '--ssh', `default=${join(work.path, 'key')}`, work.context]
      const ended = await work.tsbuild(args, {
        onStderr: (text, child) => void (/\d going/.test(text) && child.kill('SIGINT')),
      })
      assert.is(ended.code, 130, ended.stderr)
      await sameAgents(before)
      assert.equal(await readdir(join(work.root, 'contexts')), [])
    },
    options,
  )
})
