import { fileURLToPath } from 'node:url'
import { command, startRegistry } from '@tsbuild/testkit'
import type { Builder } from '../builders/builder.js'
import { markdownTable, nothing } from '../markdown.js'
import { measure, median } from '../measure.js'
import type { Figure } from './figure.js'
import { layersOfImage, pushManyLayers } from './many-layers.js'

const images = 20
const records = 10_000
const [listRuns, startRuns] = [7, 3]

/** What a command takes that only opens the store, with and without much in it. */
export const openStores: Figure = {
  name: 'open',
  about: `time to open a store with ${images * layersOfImage} layers, against an empty one`,
  how: () => `commands: medians of ${listRuns}, starts of ${startRuns}, library of 15`,
  async measure({ builders, signal }) {
    await using registry = await startRegistry()
    const names = Array.from({ length: images }, (_, number) => `${registry.host}/bench/layers:${number}`)
    for (const number of names.keys()) await pushManyLayers(`${registry.url}/v2/bench/layers`, number)
    const times: OpenTimes[] = []
    for (const builder of builders) times.push(await measureOpen(builder, names, signal))
    const library = builders.some(({ name }) => name === 'tsbuild') ? await libraryTimes() : undefined
    const cell = (value: Pair | undefined): string[] =>
      value === undefined ? [nothing, nothing, nothing] : pair(value)
    const body = builders.flatMap(({ name }, at) => [
      ...(name === 'tsbuild' && library !== undefined
        ? [
            [
              name,
              `\`openEngine()\` and a build of \`FROM scratch\`, ${records.toLocaleString('en')} records`,
              ...cell(library),
            ],
          ]
        : []),
      [name, `\`${name} images\``, ...cell(times[at]?.list)],
      ...(times[at]?.start === undefined ? [] : [[name, 'start of the daemon', ...cell(times[at]?.start)]]),
    ])
    return [
      `An empty store against one of ${(images * layersOfImage).toLocaleString('en')} layers: ${images} images of ${layersOfImage} layers each, pulled ` +
        'from a registry. The library has as many layers and the records of that many steps; peers have no way to get so many records in ' +
        'reasonable time. A command of docker asks a daemon that has its store open, so the start of that one is told as well:',
      markdownTable(['builder', 'what', 'empty, ms', 'full, ms', 'more, ms'], body),
    ].join('\n\n')
  },
}

interface Pair {
  readonly emptyMs: number
  readonly fullMs: number
}

interface OpenTimes {
  readonly list: Pair
  readonly start?: Pair
}

async function measureOpen(builder: Builder, names: readonly string[], signal: AbortSignal): Promise<OpenTimes> {
  await builder.clear()
  const empty = await openTimes(builder, signal)
  for (const name of names) {
    signal.throwIfAborted()
    await builder.pull(name)
  }
  const full = await openTimes(builder, signal)
  const list = { emptyMs: empty.listMs, fullMs: full.listMs }
  return empty.startMs === undefined || full.startMs === undefined
    ? { list }
    : { list, start: { emptyMs: empty.startMs, fullMs: full.startMs } }
}

/** The first listing, which may make the store, does not count. */
async function openTimes(builder: Builder, signal: AbortSignal): Promise<{ listMs: number; startMs?: number }> {
  const starts: number[] = []
  for (let run = 0; builder.restart !== undefined && run < startRuns; run++) starts.push(await builder.restart())
  const lists: number[] = []
  for (let run = 0; run <= listRuns; run++) lists.push((await measure(builder.list(), { signal })).wallMs)
  const listMs = median(lists.slice(1))
  return starts.length === 0 ? { listMs } : { listMs, startMs: median(starts) }
}

/** By a program of its own, since the records are written past the library. */
async function libraryTimes(): Promise<Pair> {
  const program = fileURLToPath(new URL('../../../scripts/bench-open.mjs', import.meta.url))
  const output = await command(process.execPath, [program, `${records}`, `${images * layersOfImage}`, '--json'])
  return JSON.parse(output) as Pair
}

function pair({ emptyMs, fullMs }: Pair): string[] {
  return [emptyMs.toFixed(1), fullMs.toFixed(1), (fullMs - emptyMs).toFixed(1)]
}
