import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { baseRegistryProblem, command, startBaseRegistry, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { layersOf } from './oci-tar.js'
import { cachedSteps, rootSkip } from './progress.js'
import { type Workspace, workspace } from './workspace.js'

const options = { skip: rootSkip() ?? baseRegistryProblem(), timeoutMs: 90_000 }

const secrets = {
  file: 'correct-horse-battery',
  env: 'staple+in/ENV=9f8e7d',
  multi: 'first line 77aa\nsecond line 88bb',
}
/** The secrets as they are, and in base64 from each of the three places in a group of bytes. */
const forms = Object.values(secrets).flatMap((value) => [
  ...value.split('\n'),
  ...[0, 1, 2].map((shift) => {
    const text = Buffer.from('x'.repeat(shift) + value).toString('base64')
    return text.slice(4, text.length - 4)
  }),
])

function assertHidden(where: string, text: string): void {
  for (const form of forms) assert.not.ok(text.includes(form), `${where} has "${form}"`)
}

async function assertNoFile(directory: string): Promise<void> {
  for (const form of forms)
    assert.is(await command('sh', ['-c', `grep -rlaF -e '${form}' ${directory} || true`]), '', form)
}

async function secretFlags(work: Workspace, change = ''): Promise<string[]> {
  const at = (name: string) => join(work.path, name)
  await writeFile(at('file'), `${secrets.file}${change}\n`)
  await writeFile(at('multi'), secrets.multi)
  return [
    '--secret',
    `id=file,src=${at('file')}`,
    '--secret',
    'id=env,env=TOKEN',
    '--secret',
    `id=multi,src=${at('multi')}`,
  ]
}

/** What the steps printed, put together from the events. */
function logsOf(rawjson: string): string {
  const events = rawjson.split('\n').filter((line) => line.startsWith('{'))
  const logs = events.map((line) => JSON.parse(line) as { kind: string; data?: string })
  return logs.map(({ kind, data = '' }) => (kind === 'log' ? Buffer.from(data, 'base64').toString() : '')).join('')
}

const env = { TOKEN: secrets.env }

/** Prints `$1` in two pieces, each in a write of its own. */
const pieces = 'printf %s "$(echo "$V" | cut -c1-7)"; sleep 0.3; echo "$V" | cut -c8-'

function dockerfile(image: string, last: string): string {
  return `FROM ${image}
RUN --mount=type=secret,id=file,required [ "$(wc -c < /run/secrets/file)" -gt 20 ] && cat /run/secrets/file && echo after
RUN --mount=type=secret,id=env,env=TOKEN [ \${#TOKEN} = ${secrets.env.length} ] && echo "<$TOKEN>" >&2
RUN --mount=type=secret,id=env,env=V ${pieces}
RUN --mount=type=secret,id=multi,target=/new/deep/path,mode=0444 cat /new/deep/path && ls -l /new/deep
RUN ! ls /new /run/secrets
${last}
`
}

tests('secrets', (test) => {
  test(
    'secrets reach their steps, and no layer, store, archive, history or log',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      await work.write({ Dockerfile: dockerfile(registry.images.busybox, 'CMD ["true"]') })
      const flags = await secretFlags(work)
      const tar = join(work.path, 'oci.tar')
      const output = ['-t', 'app', '-o', `type=oci,dest=${tar},compression=uncompressed`]
      const plain = await work.tsbuild(['build', '--progress', 'plain', ...flags, ...output, work.context], { env })
      assert.is(plain.code, 0, plain.stderr)
      for (const shown of [/\d \*\*\*\*\n#\d+ \d\S* after/, /\d <\*\*\*\*>/, /-r--r--r-- .* path/])
        assert.match(plain.stderr, shown)
      assert.is(plain.stderr.match(/^#\d+ \d+\.\d+ .*\*{4}/gm)?.length, 4, plain.stderr)
      assertHidden('plain progress', plain.stderr + plain.stdout)
      const added = (await layersOf(tar)).slice(1).flat()
      assert.equal(
        added.filter((name) => /new|secrets|deep/.test(name)),
        [],
      )
      await assertNoFile(tar)
      await assertNoFile(work.root)
      assertHidden('history', await work.ok(['history', '--no-trunc', 'app']))
      assertHidden('inspect', await work.ok(['inspect', 'app']))

      const raw = await work.tsbuild(['build', '--no-cache', '--progress', 'rawjson', ...flags, work.context], { env })
      assert.is(raw.code, 0, raw.stderr)
      assertHidden('rawjson progress', raw.stderr + raw.stdout)
      assertHidden('logs', logsOf(raw.stderr))
      assert.is(logsOf(raw.stderr).split('****').length - 1, 4)
      await assertNoFile(work.root)
    },
    options,
  )

  test(
    'a changed secret makes no step run again',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      await work.write({ Dockerfile: dockerfile(registry.images.busybox, '') })
      await work.ok(['build', ...(await secretFlags(work)), work.context], { env })
      const again = await work.tsbuild(
        ['build', '--progress', 'plain', ...(await secretFlags(work, 'x')), work.context],
        {
          env: { TOKEN: 'another one' },
        },
      )
      assert.is(again.code, 0, again.stderr)
      assert.is(cachedSteps(again.stderr).filter((name) => /RUN/.test(name)).length, 5)
    },
    options,
  )

  test(
    'a failing step shows its secrets nowhere, neither in the output nor in the error',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      const last = `RUN --mount=type=secret,id=file --mount=type=secret,id=env,env=TOKEN cat /run/secrets/file; echo "$TOKEN"; $TOKEN`
      await work.write({ Dockerfile: dockerfile(registry.images.busybox, last) })
      const flags = await secretFlags(work)
      for (const mode of ['plain', 'rawjson', 'quiet']) {
        const { code, stdout, stderr } = await work.tsbuild(['build', '--progress', mode, ...flags, work.context], {
          env: { ...env, TSBUILD_DEBUG: '1' },
        })
        assert.is(code, 1)
        assertHidden(mode, stdout + stderr)
        if (mode !== 'rawjson') assert.match(stderr, /\*\*\*\*: not found/)
        assert.match(stderr, /did not complete successfully: exit code: 127/)
      }
      await assertNoFile(work.root)
    },
    options,
  )

  test(
    'a required secret that is not given is named, and an optional one left out',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      const from = `FROM ${registry.images.busybox}\n`
      await work.write({ Dockerfile: `${from}RUN --mount=type=secret,id=a [ ! -e /run/secrets/a ]\n` })
      await work.ok(['build', work.context])
      await work.write({ Dockerfile: `${from}RUN --mount=type=secret,id=a,required true\n` })
      const { code, stderr } = await work.tsbuild(['build', work.context])
      assert.is(code, 1)
      assert.match(stderr, /Cannot mount secret "a": .*--secret id=a,src=FILE/s)
    },
    options,
  )
})
