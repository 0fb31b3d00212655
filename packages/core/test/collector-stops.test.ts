import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Engine, ImageDetails } from '@tsbuild/core'
import { faultVariable, type SnapshotName } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { keepBuilt } from '../dist/build/keep-built.js'
import { createContainer } from '../dist/containers/create-container.js'
import { type OpenParts, openParts } from '../dist/engine-open.js'
import { LayerHold } from '../dist/ops/layer-hold.js'
import { fails, importFiles, layersOf, type OpenRoot, openRoot, skip } from './images-support.js'

const child = fileURLToPath(new URL('./collect-child.js', import.meta.url))
/** A process that removes the image and collects its layer; disposing it ends it. */
class Collector implements AsyncDisposable {
  readonly #process: ChildProcess
  #stderr = ''

  /** @param stops whether it stops between its decision and the removal of the files */
  constructor({ root, name }: Ready, stops: boolean) {
    this.#process = spawn(process.execPath, [child, root, name], {
      env: { ...process.env, ...(stops ? { [faultVariable]: 'stop snapshot.remove.before 1' } : {}) },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
  }

  async stopped(): Promise<void> {
    while (this.#state() !== 'T') {
      assert.ok(this.#isAlive, `the collector ended: ${this.#stderr}`)
      await delay(2)
    }
  }

  /** Lets it go on. */
  async ended(): Promise<void> {
    this.#process.kill('SIGCONT')
    if (this.#isAlive) await once(this.#process, 'close')
    assert.is(this.#process.exitCode, 0, this.#stderr)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isAlive) return
    this.#process.kill('SIGKILL')
    await once(this.#process, 'close')
  }

  get #isAlive(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null
  }

  #state(): string | undefined {
    const stat = `/proc/${this.#process.pid}/stat`
    return existsSync(stat) ? /\) (\w)/.exec(readFileSync(stat, 'utf8'))?.[1] : undefined
  }
}

/** Lets `meanwhile` happen before or after a build holds layers for the first time; until then it has only looked at them. */
async function around<T>(when: 'before' | 'after', meanwhile: () => Promise<void>, work: () => Promise<T>): Promise<T> {
  const { hold } = LayerHold.prototype
  let happening: Promise<void> | undefined
  const happen = () => {
    happening ??= meanwhile()
    return happening
  }
  LayerHold.prototype.hold = async function (...args) {
    if (when === 'before') await happen()
    await hold.apply(this, args)
    if (when === 'after') await happen()
  }
  try {
    return await work()
  } finally {
    LayerHold.prototype.hold = hold
  }
}

interface Ready extends OpenRoot {
  /** The image's; its registry has nothing. */
  readonly name: string
  readonly layer: SnapshotName
  readonly details: ImageDetails
  readonly context: string
}

async function ready(): Promise<Ready> {
  const open = await openRoot({ gc: false })
  const registry = createServer((_, answer) => answer.writeHead(404).end('{}')).listen(0, '127.0.0.1')
  await once(registry, 'listening')
  const name = `127.0.0.1:${(registry.address() as AddressInfo).port}/base`
  await importFiles(open.engine, name, { a: 'base' })
  const [layer] = await layersOf(open.root)
  const context = join(open.path, 'context')
  await mkdir(context)
  await writeFile(join(context, 'file'), 'content')
  return {
    ...open,
    name,
    layer: layer as SnapshotName,
    details: open.engine.images.inspect(name),
    context,
    async [Symbol.asyncDispose]() {
      registry.closeAllConnections()
      registry.close()
      await open[Symbol.asyncDispose]()
    },
  }
}

function build({ engine, name, context, path }: Ready, step = ''): ReturnType<Engine['build']> {
  const outputs = [{ type: 'local', dest: join(path, 'out') } as const]
  return engine.build({ context, dockerfileText: `FROM ${name}\n${step}`, outputs, tags: [] })
}

function keep(parts: OpenParts, { details, layer }: Ready): ReturnType<typeof keepBuilt> {
  const bytes = (digest: ImageDetails['digest']) => parts.content.readSmall(digest) ?? Buffer.alloc(0)
  const { manifest, config, digest } = details
  const manifestBytes = bytes(digest)
  const built = {
    config,
    configDigest: manifest.config.digest,
    configBytes: bytes(manifest.config.digest),
    manifest,
    manifestBytes,
    descriptor: { mediaType: manifest.mediaType ?? '', digest, size: manifestBytes.length },
    layers: [],
    format: 'oci' as const,
  }
  return keepBuilt(parts, { built } as unknown as Parameters<typeof keepBuilt>[1], [layer], {})
}

tests('a collector that stops between its decision and the removal', (test) => {
  const options = { skip, timeoutMs: 60_000 }

  for (const [title, step] of [
    ['a step', 'COPY file /'],
    ['an output', ''],
  ] as const) {
    test(
      `build() fails where ${title} holds a layer that was decided upon just now`,
      async () => {
        await using open = await ready()
        await using collector = new Collector(open, true)
        const error = await around(
          'before',
          () => collector.stopped(),
          () =>
            build(open, step).then(
              () => undefined,
              (failure: Error) => failure,
            ),
        )
        assert.match(error?.message ?? 'no error', /127\.0\.0\.1/)
        await collector.ended()
        assert.equal(await layersOf(open.root), [])
        assert.equal((await open.engine.check({ deep: true })).findings, [])
      },
      options,
    )

    test(
      `build() keeps a layer that ${title} holds before the decision`,
      async () => {
        await using open = await ready()
        const collect = async () => {
          await using collector = new Collector(open, false)
          await collector.ended()
        }
        await around('after', collect, () => build(open, step))
        assert.ok((await layersOf(open.root)).includes(open.layer))
        assert.is(readFileSync(join(open.path, 'out/a'), 'utf8'), 'base')
      },
      options,
    )
  }

  test(
    'keepBuilt() and createContainer() do not use a layer that was decided upon just now',
    async () => {
      await using open = await ready()
      await using parts = await openParts({ root: open.root })
      const { details, layer, name } = open
      await using collector = new Collector(open, true)
      await collector.stopped()
      // As if they had looked just before.
      const before = { ...parts, images: Object.assign(Object.create(parts.images), { layersOf: () => [layer] }) }
      const images = { ...open.engine.images, inspect: () => details }
      await fails(keep(parts, open), 'IMAGE_NOT_FOUND')
      await fails(
        createContainer(before, images as typeof open.engine.images, { image: name, command: ['/a'] }),
        'IMAGE_NOT_FOUND',
      )
      await collector.ended()
      assert.equal(parts.store.containers.list(), [])
      assert.equal((await open.engine.check({ deep: true })).findings, [])
    },
    options,
  )
})
