import { startRegistry } from '@tsbuild/testkit'
import type { Builder } from '../builders/builder.js'
import { startCountingProxy } from '../counting-proxy.js'
import { type Command, measure, median } from '../measure.js'
import type { Workload } from '../workloads/index.js'
import { type CacheTable, exportTable, importTable, type Sample, type Scenario } from './cache-table.js'
import type { Figure, FigurePlace } from './figure.js'

/** What it costs to send a cache, to send it again unchanged, and to build with it on a machine that has nothing. */
export const cacheExport: Figure = {
  name: 'cache-export',
  about: 'cache to a registry and back: seconds and bytes',
  how: (runs) => `medians of ${runs}, builders taking turns in one run`,
  async measure(place) {
    const rows: CacheTable = []
    for (const one of place.workloads) {
      const turns = new Map(place.builders.map(({ name }) => [name, [] as Turn[]]))
      for (let run = 0; run < place.runs; run++) {
        for (const builder of place.builders) {
          place.signal.throwIfAborted()
          turns.get(builder.name)?.push(await measureTurn(builder, one, place))
        }
      }
      rows.push({
        workload: one.workload.name,
        samples: new Map([...turns].map(([name, list]) => [name, medians(list)])),
      })
    }
    const names = place.builders.map(({ name }) => name)
    return [
      place.builders.map(({ name, cacheAbout }) => `- ${name}: ${cacheAbout}`).join('\n'),
      exportText,
      exportTable(rows, names),
      importText,
      importTable(rows, names),
    ].join('\n\n')
  },
}

const exportText =
  'The image is built and its cache sent to an empty registry, and sent again when nothing has changed. All commands find every step ' +
  'in their own cache; *alone* has the time of the same build without an export taken off. Bytes are those that reach the registry:'
const importText =
  'A machine that has nothing, not even the base image, builds with that cache. Bytes are what it fetches, base image included:'

type Turn = ReadonlyMap<Scenario, Sample>

/** A registry for each turn, so that nobody finds blobs of an earlier one. */
async function measureTurn(
  builder: Builder,
  { folder, base }: { workload: Workload; folder: string; base: string },
  { signal, baseProxy }: FigurePlace,
): Promise<Turn> {
  await using registry = await startRegistry()
  await using proxy = await startCountingProxy(registry.port)
  const repository = `${proxy.host}/bench/cache`
  const { daemons } = builder
  const sample = async (...commands: readonly Command[]): Promise<Sample> => {
    const [sent, fetched, fetchedBase] = [proxy.sentBytes, proxy.fetchedBytes, baseProxy.fetchedBytes]
    let ms = 0
    for (const command of commands) ms += (await measure(command, { daemons, signal })).wallMs
    const fetchedBytes = proxy.fetchedBytes - fetched + baseProxy.fetchedBytes - fetchedBase
    return { ms, sentBytes: proxy.sentBytes - sent, fetchedBytes }
  }
  const turn = new Map<Scenario, Sample>()
  await builder.reset(base)
  await sample(builder.command(folder))
  turn.set('cached', await sample(builder.command(folder)))
  for (const scenario of ['first', 'second'] as const) {
    turn.set(scenario, await sample(...builder.exportCache(folder, repository)))
  }
  for (const keep of ['nothing', 'image'] as const) {
    const command = builder.importCache(folder, repository, keep)
    await builder.clear()
    if (command !== undefined) turn.set(keep, await sample(command))
  }
  return turn
}

function medians(turns: readonly Turn[]): Turn {
  const scenarios = [...(turns[0]?.keys() ?? [])]
  return new Map(
    scenarios.map((scenario) => {
      const all = (pick: (sample: Sample) => number) =>
        median(turns.flatMap((turn) => (turn.has(scenario) ? [pick(turn.get(scenario)!)] : [])))
      const sample = {
        ms: all(({ ms }) => ms),
        sentBytes: all(({ sentBytes }) => sentBytes),
        fetchedBytes: all(({ fetchedBytes }) => fetchedBytes),
      }
      return [scenario, sample]
    }),
  )
}
