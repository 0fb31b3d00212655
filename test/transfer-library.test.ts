import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openEngine, type PullEvent, type PushEvent } from '@tsbuild/core'
import { registryProblem, startRegistry, tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { received, startHoldProxy } from './hold-proxy.js'
import { rootSkip } from './progress.js'

const skip = rootSkip() ?? registryProblem()
const access = { dockerConfigPath: false, configPath: false } as const

tests('pull and push from a program', (test) => {
  test(
    'pull() and push() tell what happens to each layer, share work, and end with the signal',
    async () => {
      await using registry = await startRegistry()
      await using dir = await tempDir('tsbuild-transfer-')
      await using proxy = await startHoldProxy(registry.port)
      const context = join(dir.path, 'context')
      await mkdir(context)
      await writeFile(join(context, 'f'), randomBytes(300_000))
      const hosts = { 'registry.test': { mirrors: [proxy.host] } }
      {
        await using engine = await openEngine({ root: join(dir.path, 'one'), registry: access })
        const name = `${registry.host}/app`
        await engine.build({ context, dockerfileText: 'FROM scratch\nCOPY f /\n', tags: [name] })
        const events: PushEvent[] = []
        const { digest, size } = await engine.images.push(name, { onEvent: (event) => events.push(event) })
        assert.match(digest, /^sha256:/)
        assert.ok(size > 100)
        assert.is(events[0]?.kind, 'image')
        const states = events.flatMap((event) => (event.kind === 'layer' ? [event.state] : []))
        assert.equal([...new Set(states)], ['preparing', 'waiting', 'preparing', 'pushing', 'pushed'].filter(unique))
      }
      await using engine = await openEngine({ root: join(dir.path, 'two'), registry: { ...access, hosts } })
      proxy.holdAfter = 100_000
      const stop = new AbortController()
      const reason = new Error('enough')
      const stopped = engine.images.pull('registry.test/app', { signal: stop.signal })
      void received(engine.root, 100_000).then(() => stop.abort(reason))
      assert.is(await stopped.catch((error) => error), reason)
      assert.equal(engine.images.list(), [])
      proxy.holdAfter = undefined
      proxy.requests.length = 0
      const events: PullEvent[] = []
      const [first, second] = await Promise.all([
        engine.images.pull('registry.test/app', { onEvent: (event) => events.push(event) }),
        engine.images.pull('registry.test/app'),
      ])
      assert.equal([first.name, first.id], [second.name, second.id])
      assert.is(proxy.requests.filter((line) => line.includes('bytes=')).length, 1, proxy.requests.join('\n'))
      assert.equal(
        engine.images.list().map(({ repository, tag }) => `${repository}:${tag}`),
        ['registry.test/app:latest'],
      )
      assert.is((await engine.images.pull('registry.test/app')).updated, false)
      const last = events.at(-1)
      assert.ok(last?.kind === 'layer' && ['complete', 'exists'].includes(last.state))
    },
    { skip, timeoutMs: 60_000 },
  )

  test(
    'a configuration that cannot be used fails what asks a registry, and nothing else',
    async () => {
      await using dir = await tempDir('tsbuild-transfer-')
      const configPath = join(dir.path, 'config.json')
      await writeFile(configPath, '{"registry":{}}')
      const engine = await openEngine({ root: join(dir.path, 'root'), registry: { configPath } })
      assert.equal(engine.images.list(), [])
      const calls = [
        () => engine.images.pull('localhost:1/x'),
        () => engine.registries.login('localhost:1', { username: 'u', password: 'p' }),
      ]
      for (const call of calls) {
        const error: unknown = await call().catch((failure) => failure)
        assert.is((error as { code?: string }).code, 'CONFIG_INVALID')
      }
      await engine[Symbol.asyncDispose]()
      const closed = await engine.images.pull('localhost:1/x').catch((failure) => failure)
      assert.is((closed as { code?: string }).code, 'ENGINE_CLOSED')
    },
    { skip },
  )
})

function unique<T>(value: T, index: number, list: readonly T[]): boolean {
  return list.indexOf(value) === index
}
