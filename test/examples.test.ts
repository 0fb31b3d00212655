import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { baseRegistryProblem, command, startBaseRegistry, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { layersOf } from './oci-tar.js'
import { ranSteps } from './progress.js'
import { workspace } from './workspace.js'

const repository = fileURLToPath(new URL('../..', import.meta.url))
const example = (name: string): string => join(repository, 'examples', name)
const options = { skip: baseRegistryProblem({ debian: true }), timeoutMs: 300_000 }

/** Steps that did something, besides looking the base image up. */
const worked = (stderr: string): string[] =>
  ranSteps(stderr).filter((name) => /^\[[^\]]*\d\/\d\]/.test(name) && !/ FROM /.test(name))

/** Entries of a layer without the directories that lead to them. */
const changes = (entries: readonly string[] = []): string[] =>
  entries
    .map((entry) => entry.replace(/^\.?\//, ''))
    .filter((entry) => entry !== '' && !['data/', 'etc/'].includes(entry))

tests('examples', (test) => {
  test(
    'debian-ntp installs from the real mirror, is cached the second time and starts over from a moved MAINTAINER',
    async () => {
      await using registry = await startBaseRegistry({ debian: true })
      await using space = await workspace()
      const dockerfile = await readFile(join(example('debian-ntp'), 'Dockerfile'), 'utf8')
      const build = async () => {
        const ended = await space.tsbuild([
          'build',
          '--progress',
          'plain',
          '-t',
          'ntp',
          '--build-arg',
          `DEBIAN=${registry.images.debian}`,
          space.context,
        ])
        assert.is(ended.code, 0, ended.stderr)
        return worked(ended.stderr)
      }
      await space.write({ Dockerfile: dockerfile })
      assert.is((await build()).length, 2)
      const history = (await space.ok(['history', '--no-trunc', 'ntp'])).split('\n')
      for (const instruction of ['MAINTAINER', 'EXPOSE', 'CMD']) {
        assert.match(history.find((line) => line.includes(`${instruction} `)) ?? '', / 0 ?B\b/)
      }
      for (const run of ['apt-get update', 'apt-get -y install ntp']) {
        assert.match(history.find((line) => line.includes(run)) ?? '', /\d ?MB\b/)
      }
      assert.equal(await build(), [])
      const swapped = dockerfile.replace(/(MAINTAINER.*\n)(RUN.*\n)/, '$2$1')
      assert.is.not(swapped, dockerfile)
      await space.write({ Dockerfile: swapped })
      assert.is((await build()).length, 2)
    },
    options,
  )

  test(
    'layers keeps in each layer just what its step changed',
    async () => {
      await using registry = await startBaseRegistry({ debian: true })
      await using space = await workspace()
      const out = join(space.path, 'layers.tar')
      await space.ok([
        'build',
        '-q',
        '--build-arg',
        `DEBIAN=${registry.images.debian}`,
        '-o',
        `type=oci,dest=${out}`,
        example('layers'),
      ])
      const [, mkdir, ...rest] = await layersOf(out)
      assert.ok(mkdir?.some((entry) => entry.replace(/^\.?\//, '') === 'data/'))
      assert.equal(
        rest.map(changes).filter((entries) => entries.length > 0),
        [
          ['data/first.txt'],
          ['data/second.txt'],
          ['data/third.txt'],
          ['data/first.txt'],
          ['data/.wh.second.txt'],
          ['etc/profile'],
        ],
      )
    },
    options,
  )

  test(
    'multi-stage and library: a program is compiled, shipped alone and run',
    async () => {
      await using registry = await startBaseRegistry({ debian: true })
      await using space = await workspace()
      const env = { TSBUILD_ROOT: space.root }
      const program = (name: string, ...args: string[]) =>
        command(process.execPath, [join(repository, 'examples/library/dist', name), ...args], { env })
      const built = await program('build.js', example('multi-stage'), 'hello', `DEBIAN=${registry.images.debian}`)
      assert.match(built, /\d ms .*RUN gcc -O2/)
      assert.match(built, /^sha256:[0-9a-f]{64}$/m)
      const said = await program('run-image.js', 'hello')
      assert.match(said, /^Hello from process \d+ on Linux/)
      assert.match(said, /In \/:.* hello/)
      const again = await program('build.js', example('multi-stage'), 'hello', `DEBIAN=${registry.images.debian}`)
      assert.not.match(again, /\d ms .*(RUN|COPY)/)
    },
    options,
  )
})
