import { mkdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BuildResult, type Engine, openEngine } from '@tsbuild/core'
import { busyboxRootfs, tempDir } from '@tsbuild/testkit'
import { serveRegistryCli } from '../served-registry.js'
import { writeContext } from './context.js'
import { openPrograms, type Programs } from './programs.js'

const workerDir = fileURLToPath(new URL('../../../packages/cli/dist/bundle', import.meta.url))

/** What nothing is killed in, once for all lanes. */
export interface Surroundings extends AsyncDisposable {
  readonly path: string
  readonly programs: Programs
  /** Archive of the base image `bb`: busybox. */
  readonly base: string
  /** Archive of the image `given`, which no build of a lane makes. */
  readonly given: string
  /** Name of the same image in a registry. */
  readonly remote: string
  /** What names of the registry begin with. */
  readonly registry: string
  /** A cache in a folder, and the build that it is of: it writes `/c/large` into a cache mount. */
  readonly cache: { readonly folder: string; readonly context: string; readonly dockerfile: string }
  /** Of a server that answers with 100,000 bytes that depend on the path. */
  readonly url: string
  openEngine(root: string): Promise<Engine>
  /** Builds a context without ever having been killed. */
  clean(context: string): Promise<BuildResult>
}

/** Options with which equal content gives equal digests. */
export const reproducible = { sourceDateEpoch: 1_700_000_000, rewriteTimestamp: true } as const

export async function openSurroundings(): Promise<Surroundings> {
  await using stack = new AsyncStack()
  const dir = stack.use(await tempDir('tsbuild-faults-'))
  const open = (root: string) => openEngine({ root, workerDir })
  const engine = stack.use(await open(join(dir.path, 'reference')))
  const registry = stack.use(await serveRegistryCli(join(dir.path, 'registry')))
  const server = stack.use(await serveFiles())
  const programs = stack.use(openPrograms())
  const clean = (context: string, tag = 'clean') => engine.build({ ...reproducible, context, tags: [tag] })
  const folder = join(dir.path, 'bb')
  await mkdir(folder)
  await busyboxRootfs(folder)
  const from = 'FROM scratch\nCOPY . /\nENV PATH=/bin:/usr/bin\n'
  await engine.build({ context: folder, dockerfileText: from, tags: ['bb'] })
  const base = join(dir.path, 'bb.tar')
  await engine.images.save(['bb'], base)
  const given = join(dir.path, 'given.tar')
  const remote = `${registry.host}/given`
  await writeContext(join(dir.path, 'given'), -1)
  await clean(join(dir.path, 'given'), 'given')
  await engine.images.save(['given'], given)
  await engine.images.tag('given', remote)
  await engine.images.push(remote)
  const cache = await exportedCache(engine, dir.path)
  const held = stack.move()
  return {
    path: dir.path,
    programs,
    base,
    given,
    remote,
    registry: registry.host,
    cache,
    url: server.url,
    openEngine: open,
    clean: (context) => clean(context),
    [Symbol.asyncDispose]: () => held[Symbol.asyncDispose](),
  }
}

async function exportedCache(engine: Engine, path: string): Promise<Surroundings['cache']> {
  const [folder, context] = [join(path, 'cache'), join(path, 'cached')]
  await writeContext(context, -2)
  const dockerfile =
    'FROM bb\nCOPY sub /sub\nRUN --mount=type=cache,id=brought,target=/c cp /sub/large /c/large && echo done > /done'
  await engine.build({
    context,
    dockerfileText: dockerfile,
    outputs: [{ type: 'cacheonly' }],
    cacheMounts: true,
    cacheTo: [{ type: 'local', dest: folder, mode: 'max', required: true }],
  })
  return { folder, context, dockerfile }
}

async function serveFiles(): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer(({ url = '' }, response) => void response.end(Buffer.alloc(100_000, url)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** What was opened, closed in the opposite order. */
class AsyncStack implements AsyncDisposable {
  #opened: AsyncDisposable[] = []

  use<Resource extends AsyncDisposable>(resource: Resource): Resource {
    this.#opened.push(resource)
    return resource
  }

  move(): AsyncStack {
    const other = new AsyncStack()
    other.#opened = this.#opened
    this.#opened = []
    return other
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const resource of this.#opened.splice(0).reverse()) await resource[Symbol.asyncDispose]()
  }
}
