import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { rootSkip } from './progress.js'
import { workspace } from './workspace.js'

const skip = rootSkip()

interface Row {
  readonly name: string
  readonly outcome: string
  readonly why?: string
}

tests('tsbuild explain and plan', (test) => {
  test(
    'plan tells what build then does, and explain why',
    async () => {
      await using work = await workspace()
      const unknown = await work.tsbuild(['explain'])
      assert.is(unknown.code, 1)
      assert.match(unknown.stderr, /Cannot explain build 1: none is remembered/)
      await work.write({
        Dockerfile: 'FROM scratch AS a\nCOPY package.json /\nFROM scratch\nWORKDIR /w\nCOPY --from=a / /a/\n',
        'package.json': '{}',
      })
      const first = await work.tsbuild(['build', '--progress=plain', work.context])
      assert.not.match(first.stderr, /not cached/)
      assert.match(await work.ok(['plan', work.context]), /3 hit, 0 miss, 0 unknown$/)
      await work.write({ 'package.json': '{"a":1}' })

      const rows = JSON.parse(await work.ok(['plan', '--format', 'json', work.context])) as {
        readonly steps: readonly Row[]
        readonly misses: number
        readonly estimateMs: number
      }
      const told = rows.steps.map(({ name, outcome, why }) => `${name}: ${outcome} ${why ?? ''}`.trim()).sort()
      assert.equal(told, [
        '[a 1/1] COPY package.json /: miss COPY package.json: content changed',
        '[stage-1 1/2] WORKDIR /w: hit',
        '[stage-1 2/2] COPY --from=a / /a/: unknown depends on what [a 1/1] COPY package.json / makes',
      ])
      assert.is(rows.misses, 1)
      assert.ok(rows.estimateMs > 0)
      const table = await work.ok(['plan', '--no-trunc', work.context])
      assert.match(table, /^STEP +RESULT +LAST TIME +CAUSE\n/)
      assert.match(table, /\n1 hit, 1 miss, 1 unknown; about /)
      assert.is(await work.ok(['plan', '--format', '{{.Result}}', '--target', 'a', work.context]), 'miss')

      const second = await work.tsbuild(['build', '--progress=plain', work.context])
      assert.match(second.stderr, /\n#\d+ not cached: COPY package.json: content changed\n/)
      const text = await work.ok(['explain'])
      assert.match(text, /^Build of .*context, .* ago: completed in [\d.]+s, 1 of 3 steps cached\n/)
      assert.match(text, / COPY package.json \/: ran [\d.]+s\n {3}COPY package.json: content changed\n/)
      assert.match(await work.ok(['explain', 'workdir']), /\[stage-1 1\/2\] WORKDIR \/w: CACHED$/)
      const { steps } = JSON.parse(await work.ok(['explain', '--format=json', 'package.json'])) as {
        readonly steps: readonly { readonly miss: unknown }[]
      }
      assert.equal(steps[0]?.miss, { kind: 'content', input: 'COPY package.json', path: 'package.json' })
      assert.match(await work.ok(['explain', '--build', '2']), /no record/)
    },
    { skip, timeoutMs: 120_000 },
  )

  test(
    'explain and plan refuse what they do not know',
    async () => {
      await using work = await workspace()
      await work.write({ Dockerfile: 'FROM scratch\nWORKDIR /w\n' })
      await work.ok(['build', '-q', work.context])
      const bad: Record<string, readonly [args: readonly string[], why: RegExp]> = {
        'a step': [['explain', 'nothing'], /Cannot explain step "nothing": the build had none/],
        'a number': [['explain', '7'], /Cannot explain step "7"/],
        'a build': [['explain', '--build', '2'], /Cannot explain build 2: only 1 are remembered/],
        'no number': [['explain', '--build', 'x'], /Cannot use --build "x"/],
        'a format': [['explain', '--format', 'xml'], /Cannot use --format "xml": not text or json/],
        'no context': [['plan'], /no context directory was given/],
        'no Dockerfile': [['plan', '-f', 'none', work.context], /Cannot read Dockerfile "none"/],
        'a flag of build': [['plan', '--push', work.context], /unknown option '--push'/],
      }
      for (const [title, [args, why]] of Object.entries(bad)) {
        const { code, stderr } = await work.tsbuild(args)
        assert.ok(code !== 0, title)
        assert.match(stderr, why)
      }
    },
    { skip, timeoutMs: 120_000 },
  )
})
