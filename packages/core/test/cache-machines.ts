import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { BuildOptions, BuildResult, CacheSource, CacheTarget } from '@tsbuild/core'
import type { BuildEvent, CacheBackend } from '@tsbuild/spec'
import { importFiles, type OpenRoot, openRoot } from './images-support.js'

export const dockerfile = `FROM base AS build
WORKDIR /src
COPY a b ./
COPY big ./
FROM base
COPY --from=build /src/a /out/
COPY c /
`

let base: Promise<Buffer> | undefined

/** An archive of the image `base`, the same for all. */
async function makeBase(): Promise<Buffer> {
  await using open = await openRoot({ gc: false })
  await importFiles(open.engine, 'base', { etc: 'base' })
  const archive = join(open.path, 'base.tar')
  await open.engine.images.save(['base'], archive)
  return await readFile(archive)
}

/** A root with the image `base`, the same in every one, and a context. */
export async function machine(): Promise<OpenRoot> {
  base ??= makeBase()
  const open = await openRoot({ gc: false })
  await open.engine.images.load(Readable.from([await base]))
  await writeContext(open)
  return open
}

export async function writeContext({ path }: OpenRoot, changes: Readonly<Record<string, string>> = {}): Promise<void> {
  const files = { a: 'a', b: 'b', c: 'c', big: 'x'.repeat(100_000), ...changes }
  await mkdir(join(path, 'context'), { recursive: true })
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, 'context', name), text)
}

export interface Ran {
  readonly result: BuildResult
  readonly events: readonly BuildEvent[]
  /** Names of the steps that ran. */
  readonly ran: readonly string[]
  readonly warnings: readonly string[]
}

export async function build({ engine, path }: OpenRoot, options: BuildOptions): Promise<Ran> {
  const events: BuildEvent[] = []
  const result = await engine.build({
    context: join(path, 'context'),
    dockerfileText: dockerfile,
    onEvent: (event) => events.push(event),
    ...options,
  })
  const ran = result.steps.filter(({ cached }) => !cached).map(({ name }) => name)
  return { result, events, ran, warnings: result.warnings.map(({ message }) => message) }
}

/** The files below a directory, with what they hold. */
export async function contents(directory: string): Promise<Record<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  const pairs = files.map(async (file) => [file.slice(directory.length), await readFile(file, 'utf8')] as const)
  return Object.fromEntries((await Promise.all(pairs)).sort())
}

export async function exportFiles(open: OpenRoot): Promise<string> {
  const dest = join(open.path, 'exported')
  await build(open, { outputs: [{ type: 'local', dest }] })
  return dest
}

export const to = (backend: CacheBackend, more: object = {}): CacheTarget[] => [{ type: 'custom', backend, ...more }]
export const from = (...backends: CacheBackend[]): CacheSource[] =>
  backends.map((backend) => ({ type: 'custom', backend }))
