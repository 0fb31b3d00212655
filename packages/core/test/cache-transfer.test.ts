import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { BuildResult, CacheSource } from '@tsbuild/core'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { build, contents, dockerfile, exportFiles, from, machine, to, writeContext } from './cache-machines.js'
import { layersOf, skip } from './images-support.js'
import { MemoryCacheBackend } from './memory-cache-backend.js'

tests('cache export and import', (test) => {
  for (const mode of ['min', 'max'] as const) {
    test(
      `build() takes all steps from a cache of mode ${mode}, and fetches only the layers of the image`,
      async () => {
        await using first = await machine()
        await using second = await machine()
        const backend = new MemoryCacheBackend()
        const made = await build(first, { cacheTo: to(backend, { mode }), tags: ['app'] })
        assert.is(backend.sent.length, mode === 'min' ? 2 : 5)
        assert.equal(
          made.result.cacheExports.map(({ title, sentBlobs, layers }) => ({ title, sentBlobs, layers })),
          [{ title: 'memory', sentBlobs: backend.sent.length, layers: backend.sent.length }],
        )
        const taken = await build(second, { cacheFrom: from(backend), tags: ['app'] })
        assert.equal(taken.ran, [])
        assert.equal(taken.warnings, [])
        assert.is(taken.result.configDigest, made.result.configDigest)
        assert.is(taken.result.imageDigest, made.result.imageDigest)
        assert.is(backend.got.length, 2)
        assert.is((await layersOf(second.root)).length, 3)
        // What was fetched is the root's own from now on.
        const third = await build(second, { tags: ['app'] })
        assert.is(third.result.imageDigest, made.result.imageDigest)
        assert.is(
          third.ran.some((name) => name.includes('stage-1')),
          false,
        )
        assert.equal((await second.engine.check({ deep: true })).findings, [])
      },
      { skip },
    )
  }

  test(
    'build() without an output fetches nothing at all',
    async () => {
      await using first = await machine()
      await using second = await machine()
      const backend = new MemoryCacheBackend()
      await build(first, { cacheTo: to(backend), outputs: [{ type: 'cacheonly' }] })
      const { ran, events } = await build(second, { cacheFrom: from(backend), outputs: [{ type: 'cacheonly' }] })
      assert.equal(ran, [])
      assert.equal(backend.got, [])
      const ways = events.flatMap((event) => (event.kind === 'cached' ? [event.from] : []))
      assert.ok(ways.includes('imported'))
    },
    { skip },
  )

  test(
    'build() sends nothing but the record when all is there',
    async () => {
      await using first = await machine()
      await using second = await machine()
      const backend = new MemoryCacheBackend()
      await build(first, { cacheTo: to(backend, { mode: 'max' }) })
      const record = backend.record
      backend.sent.length = 0
      backend.asked = 0
      const again = await build(first, { cacheTo: to(backend, { mode: 'max' }) })
      assert.equal(backend.sent, [])
      assert.is(backend.asked, 1)
      assert.equal(backend.record, record)
      assert.is(again.result.cacheExports[0]?.sentBytes, 0)
      // What was taken from there goes back, though it is not here.
      const other = await build(second, {
        cacheFrom: from(backend),
        cacheTo: to(backend, { mode: 'max' }),
        outputs: [{ type: 'cacheonly' }],
      })
      assert.equal(other.ran, [])
      assert.equal(backend.sent, [])
      assert.equal(backend.got, [])
      assert.equal(backend.record, record)
    },
    { skip },
  )

  for (const mode of ['min', 'max'] as const) {
    test(
      `build() runs only what a change needs, with a cache of mode ${mode}`,
      async () => {
        await using first = await machine()
        const backend = new MemoryCacheBackend()
        await build(first, { cacheTo: to(backend, { mode }) })
        const cases = [
          [{ c: 'other' }, ['[stage-1 3/3] COPY c /'], 1],
          [{ b: 'other' }, ['[build 3/4] COPY a b ./', '[build 4/4] COPY big ./'], undefined],
          [
            { a: 'other' },
            [
              '[build 3/4] COPY a b ./',
              '[build 4/4] COPY big ./',
              '[stage-1 2/3] COPY --from=build /src/a /out/',
              '[stage-1 3/3] COPY c /',
            ],
            undefined,
          ],
        ] as const
        for (const [changes, expected, fetched] of cases) {
          await using second = await machine()
          await writeContext(second, changes)
          backend.got.length = 0
          const clean = await build(second, {
            outputs: [{ type: 'local', dest: join(second.path, 'clean') }],
            noCache: true,
          })
          assert.is(clean.ran.length > 0, true)
          await using third = await machine()
          await writeContext(third, changes)
          const plan = await third.engine.plan({
            context: join(third.path, 'context'),
            dockerfileText: dockerfile,
            cacheFrom: from(backend),
          })
          assert.equal(backend.got, [])
          const files = join(third.path, 'files')
          const { ran, warnings, result } = await build(third, {
            cacheFrom: from(backend),
            outputs: [{ type: 'local', dest: files }],
          })
          assert.equal(warnings, [])
          const [name] = Object.keys(changes)
          const causes = result.steps.flatMap(({ name: step, why }) =>
            step.includes(`COPY ${name === 'b' ? 'a b' : name}`) ? [why] : [],
          )
          assert.equal(causes, [`COPY ${name}: content changed`])
          // In mode min the layers of the first stage are not there, so its first step has to run, too.
          const first1 =
            mode === 'min' && expected.some((name) => name.startsWith('[build')) ? ['[build 2/4] WORKDIR /src'] : []
          assert.equal([...ran].sort(), [...first1, ...expected].sort())
          // The plan has said so, as far as it could know.
          const planned = (outcome: string) =>
            plan.steps.filter((step) => step.outcome === outcome).map(({ name }) => name)
          for (const name of planned('miss')) assert.ok(ran.includes(name), name)
          for (const name of planned('hit')) assert.not.ok(ran.includes(name), name)
          assert.equal(plan.warnings, [])
          assert.ok(plan.misses > 0 && plan.hits > 0)
          if (fetched !== undefined) assert.is(backend.got.length, fetched)
          assert.equal(await contents(files), await contents(join(second.path, 'clean')))
        }
      },
      { skip },
    )
  }

  test(
    'plan() is not sure of a step of which a cache has only the key, where one that may run stands on it',
    async () => {
      await using first = await machine()
      await using second = await machine()
      const text = `FROM base AS made
COPY b /b
FROM base AS other
COPY c /c
COPY --from=made /b /b
FROM base
COPY --from=other /c /b /
`
      const backend = new MemoryCacheBackend()
      await build(first, { dockerfileText: text, cacheTo: to(backend, { mode: 'min' }) })
      await writeContext(second, { b: 'changed' })
      const plan = await second.engine.plan({
        context: join(second.path, 'context'),
        dockerfileText: text,
        cacheFrom: from(backend),
      })
      const outcomes = Object.fromEntries(
        plan.steps.map(({ name, outcome }) => [name.replace(/ FROM .*/, ' FROM'), outcome]),
      )
      assert.is(outcomes['[other 2/3] COPY c /c'], 'unknown')
      assert.is(outcomes['[made 2/2] COPY b /b'], 'miss')
      const { ran, result } = await build(second, { dockerfileText: text, cacheFrom: from(backend) })
      assert.ok(ran.includes('[other 2/3] COPY c /c'))
      const why = (name: string) => result.steps.find((step) => step.name === name)?.miss?.kind
      assert.is(why('[other 2/3] COPY c /c'), 'gone')
    },
    { skip },
  )

  test(
    'build() takes links and mounts from a cache',
    async () => {
      const text = `FROM base AS tools
COPY a /tool
FROM base
COPY --link b /b
COPY --link --from=tools /tool /usr/tool
COPY --from=tools --link /tool /again
WORKDIR /end
`
      await using first = await machine()
      await using second = await machine()
      const backend = new MemoryCacheBackend()
      const made = await build(first, { dockerfileText: text, cacheTo: to(backend) })
      const taken = await build(second, { dockerfileText: text, cacheFrom: from(backend) })
      assert.equal(taken.ran, [])
      assert.is(taken.result.configDigest, made.result.configDigest)
    },
    { skip },
  )

  test(
    'build() tells of an export that fails, and fails only where it is required',
    async () => {
      await using open = await machine()
      const backend = new MemoryCacheBackend()
      backend.putRecord = async () => {
        throw new Error('the place is closed')
      }
      const { result, warnings } = await build(open, { cacheTo: to(backend), tags: ['app'] })
      assert.equal(warnings, ['Cannot export the cache: the place is closed'])
      assert.equal(result.cacheExports, [])
      const error = await build(open, { cacheTo: to(backend, { required: true }) }).catch((reason: Error) => reason)
      assert.match(String((error as Error).message), /the place is closed/)
    },
    { skip },
  )

  test(
    'build() goes on without an import that cannot be read',
    async () => {
      await using open = await machine()
      const broken = new MemoryCacheBackend()
      broken.record = Buffer.from('{"version":2}')
      const unreachable = new MemoryCacheBackend()
      unreachable.getRecord = async () => {
        throw new Error('nobody answers')
      }
      const none = new MemoryCacheBackend()
      const { ran, warnings } = await build(open, { cacheFrom: from(broken, unreachable, none) })
      assert.is(ran.length, 6)
      assert.is(warnings.length, 2)
      for (const state of [/format 2/, /nobody answers/]) assert.ok(warnings.some((warning) => state.test(warning)))
    },
    { skip },
  )

  for (const [what, damage] of [
    ['flipped', (bytes: Uint8Array) => bytes.map((byte, index) => (index === bytes.length >> 1 ? byte ^ 1 : byte))],
    ['cut off', (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 1)],
    ['longer', (bytes: Uint8Array) => Buffer.concat([bytes, Buffer.from('more')])],
    ['missing', () => undefined],
    ['another', () => gzipSync('no tar')],
  ] as const) {
    test(
      `build() runs the steps of an import whose layers are ${what}, and says so`,
      async () => {
        await using first = await machine()
        const backend = new MemoryCacheBackend()
        await build(first, { cacheTo: to(backend), tags: ['app'] })
        for (const [digest, bytes] of backend.blobs) {
          const damaged = damage(bytes)
          if (damaged === undefined) backend.blobs.delete(digest)
          else backend.blobs.set(digest, damaged)
        }
        await using second = await machine()
        const { ran, warnings, result } = await build(second, { cacheFrom: from(backend), tags: ['app'] })
        assert.ok(warnings.length > 0)
        for (const warning of warnings)
          assert.match(warning, /^Cannot use the imported cache of step "\[stage-1 [23]\/3\] COPY /)
        assert.is(ran.filter((name) => name.includes('COPY')).length, 4)
        const diffIds = (one: BuildResult) => one.config?.rootfs.diff_ids.length
        assert.is(diffIds(result), 3)
        assert.equal((await second.engine.check({ deep: true })).findings, [])
        const files = await contents(await exportFiles(second))
        assert.equal(files, { '/etc': 'base', '/out/a': 'a', '/c': 'c' })
      },
      { skip },
    )
  }

  test(
    'build() takes a layer from another import where the first one has lost it',
    async () => {
      await using first = await machine()
      await using second = await machine()
      const [lost, whole] = [new MemoryCacheBackend(), new MemoryCacheBackend()]
      await build(first, { cacheTo: [...to(lost), ...to(whole)] })
      lost.blobs.clear()
      const { ran, warnings } = await build(second, { cacheFrom: from(lost, whole) })
      assert.equal(ran, [])
      assert.equal(warnings, [])
      assert.is(lost.got.length, 2)
    },
    { skip },
  )

  test(
    'build() ends at once when it is aborted while it fetches a layer',
    async () => {
      await using first = await machine()
      await using second = await machine()
      const backend = new MemoryCacheBackend()
      await build(first, { cacheTo: to(backend) })
      const stop = new AbortController()
      const hanging: CacheSource = { type: 'custom', backend: Object.assign(Object.create(backend), { get: hang }) }
      async function* hang(_: unknown, { signal }: { signal?: AbortSignal } = {}) {
        setImmediate(() => stop.abort(new Error('enough')))
        await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
        yield new Uint8Array()
      }
      const error = await build(second, { cacheFrom: [hanging], signal: stop.signal }).catch((reason: Error) => reason)
      assert.is((error as Error).message, 'enough')
      assert.equal((await second.engine.check({ deep: true })).findings, [])
      const after = await build(second, { cacheFrom: from(backend) })
      assert.equal(after.ran, [])
    },
    { skip },
  )
})
