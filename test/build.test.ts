import { execFileSync } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { baseRegistryProblem, startBaseRegistry, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { cachedSteps, ranSteps, rootSkip } from './progress.js'
import { workspace } from './workspace.js'

const skip = rootSkip() ?? baseRegistryProblem()

tests('tsbuild build', (test) => {
  test(
    'build makes an image once and finds all of it cached the second time',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      await work.write({
        Dockerfile: `FROM ${registry.images.busybox}\nWORKDIR /app\nCOPY . .\nRUN echo built > made && cat made\nEXPOSE 80\nCMD ["cat", "/app/made"]\n`,
        'a.txt': 'a\n',
      })
      const first = await work.tsbuild(['build', '--progress', 'plain', '-t', 'app', work.context])
      assert.is(first.code, 0, first.stderr)
      assert.match(first.stderr, /\d+\.\d+ built/)
      assert.is(ranSteps(first.stderr).filter((name) => /^\[\d\/\d\]/.test(name)).length, 4)
      const id = await work.ok(['images', '-q', '--no-trunc'])
      const second = await work.tsbuild(['build', '--progress', 'plain', '-t', 'app', work.context])
      assert.is(second.code, 0, second.stderr)
      assert.is(cachedSteps(second.stderr).length, 4)
      assert.is(await work.ok(['images', '-q', '--no-trunc']), id)
    },
    { skip, timeoutMs: 90_000 },
  )

  test(
    'build runs again from the step whose input changed, and from a moved MAINTAINER on',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      const lines = [
        `FROM ${registry.images.busybox}`,
        'RUN echo one > /one',
        'MAINTAINER someone',
        'RUN echo two > /two',
        'COPY f /f',
        'RUN cat /f',
      ]
      await work.write({ Dockerfile: lines.join('\n'), f: '1' })
      await work.ok(['build', work.context])
      await work.write({ f: '2' })
      const touched = await work.tsbuild(['build', '--progress', 'plain', work.context])
      assert.equal(
        ranSteps(touched.stderr)
          .filter((name) => name.startsWith('['))
          .map((name) => name.slice(0, 5)),
        ['[4/5]', '[5/5]'],
      )
      await work.write({ Dockerfile: [lines[0], lines[2], lines[1], ...lines.slice(3)].join('\n') })
      const moved = await work.tsbuild(['build', '--progress', 'plain', work.context])
      assert.is(ranSteps(moved.stderr).filter((name) => name.startsWith('[')).length, 4)
    },
    { skip, timeoutMs: 90_000 },
  )

  test(
    'build keeps just its own changes in each layer, and a deletion as a whiteout',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      await work.write({
        Dockerfile: `FROM ${registry.images.busybox}\nRUN mkdir /work\nWORKDIR /work\nCOPY a .\nCOPY b .\nCOPY c .\nRUN touch a\nRUN echo line >> /etc/passwd\nRUN rm b\n`,
        a: 'a',
        b: 'b',
        c: 'c',
      })
      const tar = join(work.path, 'out.tar')
      await work.ok(['build', '-o', `type=oci,dest=${tar}`, work.context])
      const { layersOf } = await import('./oci-tar.js')
      const layers = (await layersOf(tar)).slice(1)
      const names = layers.map((layer) => layer.filter((entry) => !entry.endsWith('/')))
      assert.equal(names, [[], [], ['work/a'], ['work/b'], ['work/c'], ['work/a'], ['etc/passwd'], ['work/.wh.b']])
    },
    { skip, timeoutMs: 90_000 },
  )

  test(
    'build takes only what the target needs, and copies from stages by content',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      const dockerfile = (
        comment: string,
      ) => `FROM ${registry.images.busybox} AS one\nRUN echo ${comment} > /log; echo same > /out\n
FROM ${registry.images.busybox} AS broken\nRUN false\n
FROM scratch\nCOPY --from=one /out /out\n`
      await work.write({ Dockerfile: dockerfile('x') })
      const out = join(work.path, 'out')
      await work.ok(['build', '-o', out, work.context])
      assert.is(await readFile(join(out, 'out'), 'utf8'), 'same\n')
      await writeFile(join(work.context, 'Dockerfile'), dockerfile('y'))
      const again = await work.tsbuild(['build', '--progress', 'plain', '-o', out, work.context])
      assert.is(cachedSteps(again.stderr).filter((name) => /COPY/.test(name)).length, 1, again.stderr)
      assert.is(ranSteps(again.stderr).filter((name) => /RUN/.test(name)).length, 1)
    },
    { skip, timeoutMs: 90_000 },
  )

  test(
    'build -q prints the id alone, and --iidfile and --metadata-file get theirs',
    async () => {
      await using work = await workspace()
      await work.write({ Dockerfile: 'FROM scratch\nCOPY f /\nLABEL a=b\n', f: 'x' })
      const iidfile = join(work.path, 'iid')
      const metadata = join(work.path, 'metadata.json')
      const { stdout, stderr } = await work.tsbuild([
        'build',
        '-q',
        '-t',
        'x',
        '--iidfile',
        iidfile,
        '--metadata-file',
        metadata,
        work.context,
      ])
      assert.match(stdout, /^sha256:[0-9a-f]{64}\n$/)
      assert.is(stderr, '')
      assert.is((await readFile(iidfile, 'utf8')).trim(), stdout.trim())
      const facts = JSON.parse(await readFile(metadata, 'utf8')) as Record<string, string>
      assert.is(facts['containerimage.config.digest'], stdout.trim())
      assert.match(facts['containerimage.digest'] ?? '', /^sha256:/)
    },
    { skip: rootSkip() },
  )

  test(
    'build - takes a tar of any compression, or a Dockerfile, and leaves nothing of it behind',
    async () => {
      await using work = await workspace()
      await work.write({ Dockerfile: 'FROM scratch\nCOPY . /\n', 'sub/f': 'x' })
      const ids = new Set<string>()
      for (const flag of ['', 'z', 'j', 'J']) {
        const tar = execFileSync('tar', [`-c${flag}`, '-C', work.context, '.'])
        ids.add(await work.ok(['build', '-q', '-'], { input: tar }))
      }
      assert.is(ids.size, 1)
      assert.match(await work.ok(['build', '-q', '-'], { input: 'FROM scratch\nENV a=b\n' }), /^sha256:/)
      const cut = execFileSync('tar', ['-cz', '-C', work.context, '.']).subarray(0, 60)
      const { code, stderr } = await work.tsbuild(['build', '-'], { input: cut })
      assert.is(code, 1)
      assert.match(stderr, /Cannot unpack "the context"/)
      assert.equal(await readdir(join(work.root, 'contexts')), [])
    },
    { skip: rootSkip() },
  )

  test(
    'an image without a name is found by its id, and one whose name moved on stays',
    async () => {
      await using work = await workspace()
      const build = async (label: string, ...args: string[]) => {
        await work.write({ Dockerfile: `FROM scratch\nCOPY Dockerfile /\nLABEL l=${label}\n` })
        return await work.ok(['build', '-q', ...args, work.context])
      }
      const unnamed = await build('one')
      assert.match(await work.ok(['images', '--no-trunc']), new RegExp(`<none> +<none> +${unnamed}`))
      assert.match(await work.ok(['history', unnamed.slice(7, 19)]), /LABEL l=one/)
      const first = await build('two', '-t', 'app')
      const second = await build('three', '-t', 'app')
      assert.is(await work.ok(['inspect', '--format', '{{.Id}}', 'app']), second)
      assert.is(await work.ok(['inspect', '--format', '{{.Id}}', first]), first)
      await work.ok(['tag', unnamed, 'named'])
      assert.is(
        (await work.ok(['images', '--no-trunc'])).split('\n').filter((line) => line.startsWith('<none>')).length,
        1,
      )
    },
    { skip: rootSkip() },
  )

  test(
    'build takes the .dockerignore of a Dockerfile found in the context, odd ARG names, and layers linked twice',
    async () => {
      await using work = await workspace()
      const out = join(work.path, 'out')
      await work.write({
        'Dockerfile.dev':
          'FROM scratch AS a\nARG constructor\nCOPY --link f /f\nCOPY g /g\nCOPY --link f /f\nCOPY . /all/\n',
        'Dockerfile.dev.dockerignore': 'secret\n',
        secret: 'x',
        f: 'f',
        g: 'g',
      })
      await work.ok(['build', '-t', 'odd', '-o', out, '-f', 'Dockerfile.dev', work.context])
      assert.equal((await readdir(join(out, 'all'))).sort(), [
        'Dockerfile.dev',
        'Dockerfile.dev.dockerignore',
        'f',
        'g',
      ])
      assert.match(await work.ok(['history', '--no-trunc', 'odd']), /ARG constructor\s/)
    },
    { skip: rootSkip() },
  )

  test(
    'build refuses a wrong name before it runs anything',
    async () => {
      await using work = await workspace()
      await work.write({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' })
      for (const tag of ['BAD NAME', `x@sha256:${'0'.repeat(64)}`]) {
        const { code, stderr } = await work.tsbuild([
          'build',
          '--progress',
          'plain',
          '-t',
          'ok:1',
          '-t',
          tag,
          work.context,
        ])
        assert.is(code, 1)
        assert.not.match(stderr, /COPY/)
        assert.not.match(await work.ok(['images']), /ok/)
      }
    },
    { skip: rootSkip() },
  )

  test(
    'a bind mount whose source has wildcard characters counts by its own content',
    async () => {
      await using registry = await startBaseRegistry()
      await using work = await workspace()
      await work.write({
        Dockerfile: `FROM ${registry.images.busybox} AS s
ARG V
RUN mkdir -p '/p/a[b]' /p/ab && echo $V > '/p/a[b]/f'
FROM ${registry.images.busybox}
RUN --mount=type=bind,from=s,source=/p/a[b],target=/m cat /m/f
`,
      })
      for (const value of ['first', 'second']) {
        const built = await work.tsbuild(['build', '--progress', 'plain', '--build-arg', `V=${value}`, work.context])
        assert.match(built.stderr, new RegExp(`\\d ${value}\\n`), built.stderr)
      }
    },
    { skip, timeoutMs: 60_000 },
  )
})
