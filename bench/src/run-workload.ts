import type { Builder } from './builders/builder.js'
import { touch } from './folder.js'
import { type Measurement, measure, median } from './measure.js'
import type { Workload } from './workloads/index.js'

export const scenarios = ['cold', 'cached', 'one file touched'] as const
export type Scenario = (typeof scenarios)[number]

/** Medians by builder and scenario. */
export type Results = Map<string, Map<Scenario, Measurement>>

/** Measures builders in turn, so that what the machine does meanwhile meets all of them.
 * Cold has the base image but no cache; the cached build follows at once. */
export async function runWorkload(
  workload: Workload,
  builders: readonly Builder[],
  { folder, base, runs, signal }: { folder: string; base: string; runs: number; signal: AbortSignal },
): Promise<Results> {
  const samples = new Map(builders.map(({ name }) => [name, new Map<Scenario, Measurement[]>()]))
  for (let run = 0; run < runs; run++) {
    for (const builder of builders) {
      const record = async (scenario: Scenario): Promise<void> => {
        const list = samples.get(builder.name)!
        const measured = await measure(builder.command(folder), { daemons: builder.daemons, signal })
        list.set(scenario, [...(list.get(scenario) ?? []), measured])
      }
      signal.throwIfAborted()
      await builder.reset(base)
      await record('cold')
      await record('cached')
      if (workload.touch === undefined) continue
      await touch(folder, workload.touch)
      await record('one file touched')
    }
  }
  return new Map([...samples].map(([name, byScenario]) => [name, mapValues(byScenario, middle)]))
}

function middle(list: readonly Measurement[]): Measurement {
  return {
    wallMs: median(list.map(({ wallMs }) => wallMs)),
    peakBytes: Math.max(...list.map(({ peakBytes }) => peakBytes)),
  }
}

function mapValues<Key, From, To>(map: ReadonlyMap<Key, From>, change: (value: From) => To): Map<Key, To> {
  return new Map([...map].map(([key, value]) => [key, change(value)]))
}
