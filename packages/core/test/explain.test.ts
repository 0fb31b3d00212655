import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { MissCause } from '@tsbuild/spec'
import { busyboxRootfs, findProgram, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { importFiles, openRoot, skip } from './images-support.js'

const runSkip = skip ?? (findProgram('busybox') === undefined ? 'busybox is not installed' : undefined)
const at = { input: 'COPY src', path: 'src/f' }

/** What is done to a context with `src/f` and `src/other`, and what the step then says. */
const changes: Record<string, [change: (src: string) => Promise<void>, miss: MissCause, why: string]> = {
  'the content of a file': [
    (src) => writeFile(join(src, 'f'), 'changed'),
    { kind: 'content', ...at },
    'COPY src/f: content changed',
  ],
  'the mode of a file': [
    (src) => chmod(join(src, 'f'), 0o664),
    { kind: 'mode', ...at, before: '0644', after: '0664' },
    'COPY src/f: mode 0644 → 0664',
  ],
  'a new file': [
    (src) => writeFile(join(src, 'new'), ''),
    { kind: 'added', input: 'COPY src', path: 'src/new' },
    'COPY src/new: added',
  ],
  'a file that is gone': [(src) => rm(join(src, 'f')), { kind: 'removed', ...at }, 'COPY src/f: removed'],
  'a link instead of a file': [
    async (src) => {
      await rm(join(src, 'f'))
      await symlink('other', join(src, 'f'))
    },
    { kind: 'type', ...at, before: 'file', after: 'link' },
    'COPY src/f: type file → link',
  ],
  'the target of a link': [
    async (src) => {
      await rm(join(src, 'link'))
      await symlink('f', join(src, 'link'))
    },
    { kind: 'linkTarget', input: 'COPY src', path: 'src/link' },
    'COPY src/link: link target changed',
  ],
}

tests('explanations', (test) => {
  for (const [title, [change, miss, why]] of Object.entries(changes)) {
    test(
      `build() and plan() name the cause of a miss: ${title}`,
      async () => {
        await using open = await openRoot()
        const context = join(open.path, 'context')
        const src = join(context, 'src')
        await mkdir(src, { recursive: true })
        for (const name of ['f', 'other']) {
          await writeFile(join(src, name), name)
          await chmod(join(src, name), 0o644)
        }
        await symlink('other', join(src, 'link'))
        const options = { context, dockerfileText: 'FROM scratch\nCOPY src /src\nWORKDIR /w\n', outputs: [] }
        await open.engine.build(options)
        await change(src)
        const planned = await open.engine.plan(options)
        const { steps } = await open.engine.build(options)
        assert.equal(steps[0]?.miss, miss)
        assert.is(steps[0]?.why, why)
        assert.is(steps[1]?.why, 'inherited from [1/2] COPY src /src')
        assert.equal(
          planned.steps.map(({ outcome, why }) => [outcome, why]),
          steps.map(({ why }) => ['miss', why]),
        )
        assert.ok(planned.steps.every(({ lastMs = 0 }) => lastMs > 0))
        assert.is(planned.untimed, 0)
        const [last, first] = await open.engine.builds()
        assert.equal(
          last?.steps.map(({ outcome, miss }) => [outcome, miss]),
          steps.map(({ miss }) => ['ran', miss]),
        )
        assert.equal(
          first?.steps.map(({ why }) => why),
          ['no record', 'no record'],
        )
      },
      { skip, timeoutMs: 60_000 },
    )
  }

  test(
    'build() tells build arguments from variables, and the command',
    async () => {
      await using open = await openRoot()
      await busyboxRootfs(open.path)
      const dockerfile = (env: string, command: string) =>
        `FROM scratch\nCOPY bin /bin\nARG VERSION\nENV MODE=${env}\nRUN ${command}\n`
      const build = async (env: string, version: string, command: string) => {
        const options = { dockerfileText: dockerfile(env, command), buildArgs: { VERSION: version }, outputs: [] }
        return (await open.engine.build({ context: open.path, ...options })).steps.at(-1)?.why
      }
      assert.is(await build('a', '1.2', 'true'), 'no record')
      assert.is(await build('a', '1.3', 'true'), 'build arg VERSION: 1.2 → 1.3')
      assert.is(await build('b', '1.3', 'true'), 'env MODE: a → b')
      assert.is(await build('b', '1.3', 'true # again'), 'instruction RUN true → RUN true # again')
      assert.is(await build('b', '1.3', 'true'), undefined)
    },
    { skip: runSkip, timeoutMs: 60_000 },
  )

  test(
    'build() names both digests where a base image moved, and the owner of files from a stage',
    async () => {
      await using open = await openRoot()
      const { engine } = open
      const options = { context: open.path, dockerfileText: 'FROM base\nWORKDIR /w\n', outputs: [] }
      await importFiles(engine, 'base', { a: '1' })
      const before = engine.images.inspect('base').digest
      await engine.build(options)
      await importFiles(engine, 'base', { a: '2' })
      const after = engine.images.inspect('base').digest
      const planned = await engine.plan(options)
      const { steps } = await engine.build(options)
      assert.equal(steps[0]?.miss, { kind: 'baseImage', before, after })
      assert.is(steps[0]?.why, `base image moved: ${before} → ${after}`)
      assert.match(steps[1]?.why ?? '', /^inherited from \[1\/2\] FROM /)
      assert.equal(
        planned.steps.map(({ why }) => why),
        steps.map(({ why }) => why),
      )
      const owned = (owner: string) => ({
        context: open.path,
        dockerfileText: `FROM scratch AS a\nCOPY --chown=${owner} <<f /f\nx\nf\nFROM scratch\nCOPY --from=a /f /f\n`,
        outputs: [],
      })
      await engine.build(owned('1:1'))
      const chowned = await engine.build(owned('2:1'))
      assert.is(chowned.steps[0]?.why, 'chown: 1:1 → 2:1')
      assert.is(chowned.steps[1]?.why, 'COPY /f: owner 1:1 → 2:1')
    },
    { skip, timeoutMs: 60_000 },
  )

  test(
    'build() shows the same plan with --no-cache, and nothing is known of a root without builds',
    async () => {
      await using open = await openRoot()
      assert.equal(await open.engine.builds(), [])
      const options = { context: open.path, dockerfileText: 'FROM scratch\nWORKDIR /w\n', outputs: [] }
      await open.engine.build(options)
      const again = { ...options, noCache: true }
      const planned = await open.engine.plan(again)
      assert.equal(planned.steps[0]?.miss, { kind: 'noCache' })
      assert.equal((await open.engine.build(again)).steps[0]?.miss, { kind: 'noCache' })
      for (let count = 0; count < 25; count++) await open.engine.build(options)
      assert.is((await open.engine.builds()).length, 20)
    },
    { skip, timeoutMs: 60_000 },
  )
})
