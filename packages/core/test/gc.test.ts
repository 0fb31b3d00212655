import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type BuildWarning, openEngine } from '@tsbuild/core'
import { type BuildEvent, hasCode } from '@tsbuild/spec'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { amount, gcLimits, isFull, isNearlyFull } from '../dist/gc/gc-policy.js'
import { readGcPolicy } from '../dist/gc/read-gc-policy.js'
import { skip } from './images-support.js'

const gib = 2 ** 30

tests('the policy of the cache', (test) => {
  const amounts: [number | string, number][] = [
    [5, 5],
    ['10', 10],
    ['2k', 2048],
    ['1.5gb', 1.5 * gib],
    ['1GiB', gib],
    ['20%', 200],
    ['101%', Number.NaN],
    ['-1', Number.NaN],
    ['much', Number.NaN],
  ]
  for (const [value, bytes] of amounts) {
    test(`amount() reads ${JSON.stringify(value)}`, () => assert.equal(amount(value, 1000), bytes))
  }

  test('gcLimits() keeps a fifth of a large disk and 4 GiB of a small one', () => {
    assert.is(gcLimits({}, { totalBytes: 100 * gib }).maxUsedBytes, 20 * gib)
    assert.is(gcLimits({}, { totalBytes: 10 * gib }).maxUsedBytes, 4 * gib)
    const own = gcLimits({ maxUsedSpace: '1gb', reservedSpace: 7, minFreeSpace: '10%' }, { totalBytes: 10 * gib })
    assert.equal(own, { reservedBytes: 7, maxUsedBytes: gib, minFreeBytes: gib })
  })

  test('isNearlyFull() and isFull() count files, too', () => {
    const roomy = { totalBytes: 10 * gib, freeBytes: gib, totalFiles: 10_000, freeFiles: 5000 }
    assert.not(isNearlyFull(roomy))
    assert.ok(isNearlyFull({ ...roomy, freeBytes: 1 << 20 }))
    assert.ok(isNearlyFull({ ...roomy, freeFiles: 10 }))
    assert.not(isNearlyFull({ ...roomy, totalFiles: 0, freeFiles: 0 }))
    assert.not(isFull({ ...roomy, freeFiles: 100 }))
    assert.ok(isFull({ ...roomy, freeFiles: 1 }))
    assert.ok(isFull({ ...roomy, freeBytes: 10 }))
  })

  test('readGcPolicy() reads the configuration, and names what is wrong in it', async () => {
    await using dir = await tempDir()
    const configPath = join(dir.path, 'config.json')
    const read = async (value: unknown) => {
      await writeFile(configPath, JSON.stringify(value))
      return await readGcPolicy({ registry: { configPath } }, {})
    }
    assert.equal(await read({ gc: { maxUsedSpace: '5gb' }, registries: {} }), { maxUsedSpace: '5gb' })
    assert.is(await read({ gc: false }), false)
    assert.equal(await read({}), {})
    for (const gc of [{ maxUsed: 1 }, { maxUsedSpace: 'much' }, { minFreeSpace: '200%' }, [], true]) {
      const error = await read({ gc }).catch((failure) => failure)
      assert.ok(hasCode(error, 'CONFIG_INVALID'), JSON.stringify(gc))
    }
    assert.is(await readGcPolicy({ gc: false }, {}), false)
    const bad = await readGcPolicy({ gc: { maxUsedSpace: 'x' } }, {}).catch((failure) => failure)
    assert.ok(hasCode(bad, 'OPTION_INVALID'))
  })

  test(
    'a build that made something is followed by a collection, which the engine waits for',
    async () => {
      await using dir = await tempDir()
      const [root, context] = [join(dir.path, 'root'), join(dir.path, 'context')]
      await mkdir(context)
      await writeFile(join(context, 'one'), 'x'.repeat(1000))
      const outputs = [{ type: 'local' as const, dest: join(dir.path, 'out') }]
      const dockerfileText = 'FROM scratch\nCOPY one /a\nCOPY one /b\nCOPY one /c\n'
      // Whatever is begun behind a build has ended when its engine is closed.
      const build = async (text: string) => {
        const gc = { maxUsedSpace: 1500, reservedSpace: 0, minFreeSpace: 0 }
        await using engine = await openEngine({ root, gc })
        await engine.build({ context, dockerfileText: text, outputs })
      }
      await build('FROM scratch\nCOPY one /a\n')
      const { now } = Date
      Date.now = () => now() + 700_000
      try {
        await build(dockerfileText)
      } finally {
        Date.now = now
      }
      await using again = await openEngine({ root })
      assert.is((await again.cache.list()).filter(({ sizeBytes }) => sizeBytes > 0).length, 1)
      const { steps } = await again.build({ context, dockerfileText, outputs })
      assert.is(steps.filter(({ cached }) => !cached).length, 2)
    },
    { skip, timeoutMs: 60_000 },
  )
})

tests('a full disk', (test) => {
  test(
    'a build that runs out of space evicts what is not used, and tries again',
    async () => {
      await using dir = await tempDir()
      const disk = join(dir.path, 'disk')
      await mkdir(disk)
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=72m', 'tmpfs', disk])
      await using _mounted = { [Symbol.asyncDispose]: async () => void execFileSync('umount', ['-l', disk]) }
      await using engine = await openEngine({ root: join(disk, 'root'), gc: false })
      const context = join(dir.path, 'context')
      await mkdir(context)
      await writeFile(join(context, 'large'), randomBytes(24 << 20))
      const warnings: BuildWarning[] = []
      const onEvent = (event: BuildEvent) => void (event.kind === 'warning' && warnings.push(event))
      const build = (name: string, steps: string) =>
        engine.build({
          context,
          dockerfileText: `FROM scratch\n${steps}`,
          outputs: [{ type: 'local', dest: join(dir.path, name) }],
          onEvent,
        })
      await build('one', 'COPY large /one\n')
      await build('two', 'COPY large /two\n')
      assert.equal(warnings, [])
      const { steps } = await build('three', 'COPY large /three\nCOPY large /four\n')
      assert.is(steps.length, 2)
      const kept = (await engine.cache.list()).map(({ description }) => description)
      assert.not(kept.some((text) => text.includes('/one')))
      assert.ok(kept.some((text) => text.includes('/four')))
      assert.equal((await engine.check({ deep: true })).findings, [])
    },
    { skip, timeoutMs: 60_000 },
  )
})
