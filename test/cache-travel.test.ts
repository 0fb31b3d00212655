import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { baseRegistryProblem, startBaseRegistry, startS3Server, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { cachedSteps, ranSteps, rootSkip } from './progress.js'
import { type Ended, type Workspace, workspace } from './workspace.js'

const options = { skip: rootSkip() ?? baseRegistryProblem(), timeoutMs: 240_000 }

/** Two stages; what the first one makes is not the same twice. */
const dockerfile = (base: string) => `FROM ${base} AS build
WORKDIR /src
COPY main .
RUN --mount=type=cache,target=/cache cat main >> /cache/log && cat /cache/log && head -c 200000 /dev/urandom > out
RUN --mount=type=bind,source=notes,target=/notes cat /notes > notes
FROM ${base}
COPY --from=build /src/out /src/notes /app/
COPY last /
RUN sha256sum /app/out > /sum
`

interface Machines extends AsyncDisposable {
  readonly work: Workspace
  readonly host: string
  /** Builds on a root of its own. */
  build(machine: string, args: readonly string[]): Promise<Ended>
  /** The same; it has to end well. */
  built(
    machine: string,
    args: readonly string[],
  ): Promise<{ readonly ran: string[]; readonly cached: string[] } & Ended>
  ok(machine: string, args: readonly string[]): Promise<string>
}

/** Several machines, which have a registry and a context in common. */
async function machines(): Promise<Machines> {
  const registry = await startBaseRegistry()
  const work = await workspace()
  await work.write({
    main: 'main\n',
    notes: 'notes\n',
    last: 'last\n',
    '../Dockerfile': dockerfile(registry.images.busybox),
  })
  const env = (machine: string) => ({ env: { TSBUILD_ROOT: join(work.path, machine) } })
  const build = (machine: string, args: readonly string[]) =>
    work.tsbuild(
      ['build', '--progress', 'plain', '-f', join(work.path, 'Dockerfile'), ...args, work.context],
      env(machine),
    )
  return {
    work,
    host: registry.host,
    build,
    async built(machine, args) {
      const ended = await build(machine, args)
      assert.is(ended.code, 0, ended.stderr)
      return { ...ended, ran: stepsOf(ranSteps(ended.stderr)), cached: stepsOf(cachedSteps(ended.stderr)) }
    },
    ok: (machine, args) => work.ok(args, env(machine)),
    async [Symbol.asyncDispose]() {
      await work[Symbol.asyncDispose]()
      await registry[Symbol.asyncDispose]()
    },
  }
}

/** Those of the Dockerfile. */
function stepsOf(names: readonly string[]): string[] {
  return names.filter((name) => /^\[(build|stage-1)/.test(name)).map((name) => name.slice(0, name.indexOf(']') + 5))
}

async function layersOf(work: Workspace, machine: string): Promise<number> {
  const names = await readdir(join(work.path, machine, 'snapshots'))
  return names.filter((name) => !name.startsWith('_')).length
}

tests('caches that travel', (test) => {
  test(
    'build takes all from a cache in a registry, and brings only what its output needs',
    async () => {
      await using all = await machines()
      const { work, host, built, ok } = all
      const place = `type=registry,ref=${host}/cache:one`
      const first = await built('a', ['-t', 'app', '--cache-to', `${place},mode=max,required`])
      assert.is(first.cached.length, 0)
      const id = await ok('a', ['image', 'inspect', '-f', '{{.Id}}', 'app'])

      const only = await built('b', ['-o', 'type=cacheonly', '--cache-from', place])
      assert.equal(only.ran, [])
      assert.is(await layersOf(work, 'b'), 0)

      const pushed = await built('c', ['-o', `type=registry,name=${host}/app`, '--cache-from', place])
      assert.equal(pushed.ran, [])
      assert.is(await layersOf(work, 'c'), 0)

      const taken = await built('d', ['-t', 'app', '--cache-from', `${host}/cache:one`])
      assert.equal(taken.ran, [])
      assert.is(await ok('d', ['image', 'inspect', '-f', '{{.Id}}', 'app']), id)
      assert.match(await ok('d', ['run', '--rm', 'app', 'sh', '-c', 'sha256sum -c /sum && cat /last']), /OK\nlast/)
      assert.is(await ok('d', ['fsck', '--deep']).then(() => 'clean'), 'clean')

      // What was pushed is the same image.
      const fromRegistry = await ok('e', ['pull', '-q', `${host}/app`]).then(() =>
        ok('e', ['image', 'inspect', '-f', '{{.Id}}', `${host}/app`]),
      )
      assert.is(fromRegistry, id)
    },
    options,
  )

  test(
    'build --cache-to inline lets the image carry its cache',
    async () => {
      await using all = await machines()
      const { host, work, built } = all
      await built('a', ['--cache-to', 'type=inline', '-o', `type=registry,name=${host}/app`])
      const taken = await built('b', ['--cache-from', `${host}/app`, '-t', 'app'])
      assert.equal(taken.ran, [])
      await work.write({ last: 'changed\n' })
      const changed = await built('c', ['--cache-from', `type=registry,ref=${host}/app`, '-t', 'app'])
      assert.equal(changed.ran, ['[stage-1 3/4] COP', '[stage-1 4/4] RUN'])
      assert.match(changed.stderr, /not cached: COPY last: content changed/)
      assert.match(
        await all.ok('c', ['run', '--rm', 'app', 'sh', '-c', 'sha256sum -c /sum && cat /last']),
        /OK\nchanged/,
      )
    },
    options,
  )

  test(
    'build --cache-mounts lets the folders of cache mounts travel',
    async () => {
      await using all = await machines()
      const { host, work, built } = all
      const place = `type=registry,ref=${host}/cache:mounts`
      await built('a', ['--cache-to', `${place},required`, '--cache-mounts', '-o', 'type=cacheonly'])
      await work.write({ main: 'other\n' })
      const with1 = await built('b', [
        '--cache-from',
        place,
        '--cache-mounts',
        '--cache-to',
        `${place},required`,
        '-o',
        'type=cacheonly',
      ])
      assert.match(with1.stderr, / main\n.* other\n/)
      await work.write({ main: 'third\n' })
      const without = await built('c', ['--cache-from', place, '-o', 'type=cacheonly'])
      assert.not.match(without.stderr, / other\n/)
      const third = await built('d', ['--cache-from', place, '--cache-mounts', '-o', 'type=cacheonly'])
      assert.match(third.stderr, / main\n.* other\n.* third\n/)
    },
    options,
  )

  test(
    'build keeps its cache in an S3 server, whose keys come from the environment and are shown nowhere',
    async () => {
      await using all = await machines()
      await using server = await startS3Server()
      const { work } = all
      const place = `type=s3,bucket=${server.bucket},endpoint_url=${server.url},use_path_style=true,prefix=ci/,name=main;other`
      const build = (machine: string, args: readonly string[], secret = server.secretAccessKey) =>
        work.tsbuild(['build', '--progress', 'plain', '-f', join(work.path, 'Dockerfile'), ...args, work.context], {
          env: {
            TSBUILD_ROOT: join(work.path, machine),
            AWS_REGION: server.region,
            AWS_ACCESS_KEY_ID: server.accessKeyId,
            AWS_SECRET_ACCESS_KEY: secret,
          },
        })
      const first = await build('a', ['-o', 'type=cacheonly', '--cache-to', `${place},mode=max,required`])
      assert.is(first.code, 0, first.stderr)
      const puts = () => server.requests().filter((request) => /^PUT .*\/blobs\//.test(request)).length
      const sent = puts()
      assert.ok(sent > 0)
      const again = await build('a', ['-o', 'type=cacheonly', '--cache-to', `${place},mode=max,required`])
      assert.is(again.code, 0, again.stderr)
      assert.is(puts(), sent + 1, 'only the record is sent')
      const taken = await build('b', ['-t', 'app', '--cache-from', place.replace('main;other', 'other')])
      assert.equal(stepsOf(ranSteps(taken.stderr)), [])
      const denied = await build('c', ['-o', 'type=cacheonly', '--cache-from', place], 'wrong-secret')
      assert.is(denied.code, 0)
      assert.match(denied.stderr, /Cannot import a cache/)
      assert.not.match(denied.stderr, /wrong-secret/)
    },
    options,
  )

  test(
    'build goes on without a cache that is not there, and says so',
    async () => {
      await using all = await machines()
      const { host, built, build } = all
      const none = await built('a', ['--cache-from', `${host}/nothing`, '-o', 'type=cacheonly'])
      assert.not.match(none.stderr, /Cannot import/)
      const unreachable = await built('a', [
        '--cache-from',
        'localhost:1/x',
        '--cache-to',
        'localhost:1/x',
        '-o',
        'type=cacheonly',
      ])
      assert.match(unreachable.stderr, /Cannot import a cache(.|\n)*Cannot export the cache/)
      const required = await build('a', ['--cache-to', 'localhost:1/x,required', '-o', 'type=cacheonly'])
      assert.is(required.code, 1)
      const odd = await build('a', ['--cache-to', 'type=local'])
      assert.is(odd.code, 125)
      assert.match(odd.stderr, /dest/)
    },
    options,
  )

  test(
    'build exports twice at once into one folder, and leaves a whole one when it is interrupted',
    async () => {
      await using all = await machines()
      const { work, built } = all
      const folder = join(work.path, 'exported')
      const place = `type=local,dest=${folder},mode=max,required`
      await Promise.all(['a', 'b'].map((machine) => built(machine, ['--cache-to', place, '-o', 'type=cacheonly'])))
      const both = await built('c', ['--cache-from', `type=local,src=${folder}`, '-t', 'app'])
      assert.equal(both.ran, [])

      await work.write({ main: 'interrupted\n' })
      const interrupted = await work.tsbuild(
        [
          'build',
          '--progress',
          'plain',
          '-f',
          join(work.path, 'Dockerfile'),
          '-o',
          'type=cacheonly',
          '--cache-to',
          place,
          work.context,
        ],
        {
          env: { TSBUILD_ROOT: join(work.path, 'a') },
          onStderr: (text, child) => {
            if (text.includes('exporting cache to')) child.kill('SIGINT')
          },
        },
      )
      // It may have been done already.
      assert.ok(interrupted.code === 130 || interrupted.code === 0, interrupted.stderr)
      const after = await built('d', ['--cache-from', `type=local,src=${folder}`, '-t', 'app'])
      assert.not.match(after.stderr, /Cannot/)
      assert.is(await readFile(join(folder, 'oci-layout'), 'utf8'), '{"imageLayoutVersion":"1.0.0"}')
    },
    options,
  )

  test(
    'build never makes a wrong image of a damaged cache',
    async () => {
      await using all = await machines()
      const { work, built, ok } = all
      const folder = join(work.path, 'exported')
      // The same result each time, to compare with.
      await work.write({
        '../Dockerfile': (await readFile(join(work.path, 'Dockerfile'), 'utf8')).replace(
          'head -c 200000 /dev/urandom > out',
          'seq 20000 > out',
        ),
      })
      await built('a', ['-t', 'app', '--cache-to', `type=local,dest=${folder},mode=max`])
      const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
      const hash =
        'find / -xdev -type f ! -path "/proc/*" ! -path "/sys/*" ! -path "/etc/*" | sort | xargs sha256sum | sha256sum'
      const clean = await ok('a', ['run', '--rm', 'app', 'sh', '-c', hash])
      let random = 42
      const dice = (below: number) => {
        random = (random * 1103515245 + 12345) % 2147483648
        return random % below
      }
      for (let round = 0; round < 12; round++) {
        const entry = files[round % files.length]!
        const path = join(entry.parentPath, entry.name)
        const whole = await readFile(path)
        const damaged = Buffer.from(whole)
        const at = dice(whole.length)
        damaged[at] = (damaged[at]! ^ (1 << dice(8))) & 0xff
        await writeFile(path, round % 3 === 0 ? whole.subarray(0, at) : damaged)
        const machine = `round-${round}`
        const { ran, stderr } = await built(machine, ['-t', 'app', '--cache-from', `type=local,src=${folder}`])
        if (ran.length > 0) assert.match(stderr, /Cannot (import|use)/, `round ${round}: ${entry.name}`)
        assert.is(await ok(machine, ['run', '--rm', 'app', 'sh', '-c', hash]), clean, `round ${round}: ${entry.name}`)
        await writeFile(path, whole)
      }
    },
    options,
  )
})
