import { loadavg } from 'node:os'
import { join } from 'node:path'
import { baseRegistryProblem, startBaseRegistry, tempDir } from '@tsbuild/testkit'
import { startBuildah } from './builders/buildah.js'
import type { Builder } from './builders/builder.js'
import { startDocker } from './builders/docker.js'
import { startTsbuild } from './builders/tsbuild.js'
import { startCountingProxy } from './counting-proxy.js'
import type { FigurePlace } from './figures/index.js'
import { writeWorkload } from './folder.js'
import { measureInProcess } from './in-process.js'
import { measure, median } from './measure.js'
import { type Options, parseOptions, usage } from './options.js'
import { formatFigure, formatReport, writeReadme } from './report.js'
import { runWorkload } from './run-workload.js'
import type { Row } from './table.js'

const starters: Readonly<Record<string, (directory: string) => Promise<Builder>>> = {
  tsbuild: startTsbuild,
  docker: startDocker,
  buildah: startBuildah,
}

async function main(args: readonly string[]): Promise<void> {
  const options = parseOptions(args)
  if (options === 'help') return console.log(usage)
  const debian = options.workloads.some(({ base }) => base === 'debian')
  const problem = baseRegistryProblem({ debian })
  if (problem !== undefined) throw new Error(`Cannot serve base images: ${problem}`)
  const signal = interruption()
  await using folder = await tempDir('tsbuild-bench-')
  await using registry = await startBaseRegistry({ debian })
  await using stack = new HeldBuilders()
  const names = [...(options.peersOnly ? [] : ['tsbuild']), ...options.peers]
  const builders: Builder[] = []
  for (const name of names) builders.push(stack.use(await starters[name]!(join(folder.path, name))))
  const place = { directory: folder.path, images: registry.images, signal }
  if (options.figures.length > 0) return await measureFigures(options, builders, place, registry)
  const rows = await measureAll(options, builders, place)
  const report = formatReport({ rows, builders, runs: options.runs, yardstickMs: await yardstick() })
  console.log(report)
  if (options.write) await writeReadme('results', report)
}

interface Place {
  readonly directory: string
  readonly images: Readonly<Record<'busybox' | 'debian', string>>
  readonly signal: AbortSignal
}

/** Aborted by Ctrl-C and by SIGTERM, so that daemons and folders are cleared away on that way out, too. */
function interruption(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => controller.abort(new Error(`Interrupted by ${signal}`)))
  }
  return controller.signal
}

async function measureAll(
  { workloads, runs, peersOnly }: Options,
  builders: readonly Builder[],
  { directory, images, signal }: Place,
): Promise<Row[]> {
  const rows: Row[] = []
  for (const workload of workloads) {
    console.error(`${workload.name}: ${workload.about}`)
    const folder = join(directory, 'workloads', workload.name)
    const base = images[workload.base]
    await writeWorkload(folder, workload, base)
    const results = await runWorkload(workload, builders, { folder, base, runs, signal })
    const inProcess = peersOnly ? undefined : await measureInProcess(join(directory, 'library'), base, folder)
    rows.push({ workload: workload.name, results, ...(inProcess === undefined ? {} : { inProcess }) })
  }
  return rows
}

/** The base images are asked for by another name, by which what is fetched of them is counted. */
async function measureFigures(
  { workloads, figures, runs, write }: Options,
  builders: readonly Builder[],
  { directory, images, signal }: Place,
  registry: { readonly host: string; readonly port: number },
): Promise<void> {
  await using baseProxy = await startCountingProxy(registry.port)
  const written: FigurePlace['workloads'][number][] = []
  for (const workload of workloads) {
    const folder = join(directory, 'workloads', workload.name)
    const base = images[workload.base].replace(registry.host, baseProxy.host)
    await writeWorkload(folder, workload, base)
    written.push({ workload, folder, base })
  }
  for (const figure of figures) {
    console.error(`${figure.name}: ${figure.about}`)
    const load = loadavg()[0] ?? 0
    const text = await figure.measure({ builders, workloads: written, runs, baseProxy, signal })
    const report = formatFigure(text, { how: figure.how(runs), load })
    console.log(report)
    if (write) await writeReadme(figure.name, report)
  }
}

/** What a Node program costs that does nothing. */
async function yardstick(): Promise<number> {
  const times: number[] = []
  for (let run = 0; run < 7; run++) {
    times.push((await measure({ program: process.execPath, args: ['-e', '0'] })).wallMs)
  }
  return median(times)
}

/** Disposes in reverse order; Node's own comes with version 24. */
class HeldBuilders implements AsyncDisposable {
  readonly #held: AsyncDisposable[] = []

  use<T extends AsyncDisposable>(value: T): T {
    this.#held.push(value)
    return value
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const held of this.#held.toReversed()) await held[Symbol.asyncDispose]()
  }
}

await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
