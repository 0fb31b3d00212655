import type { InProcess } from './in-process.js'
import { markdownTable, mebibytes, nothing, seconds } from './markdown.js'
import { type Results, type Scenario, scenarios } from './run-workload.js'

export interface Row {
  readonly workload: string
  readonly results: Results
  readonly inProcess?: InProcess
}

/** One line for each workload and scenario, one column for each builder, and ratios of tsbuild to the others. */
export function wallTable(rows: readonly Row[], names: readonly string[]): string {
  const peers = names.includes('tsbuild') ? names.filter((name) => name !== 'tsbuild') : []
  const head = ['workload', 'build', ...names.map((name) => `${name}, s`), ...peers.map((name) => `tsbuild ÷ ${name}`)]
  const body = rows.flatMap(({ workload, results }) =>
    scenarios
      .filter((scenario) => names.some((name) => results.get(name)?.has(scenario)))
      .map((scenario) => [
        workload,
        scenario,
        ...names.map((name) => seconds(wall(results, name, scenario))),
        ...peers.map((name) => ratio(wall(results, 'tsbuild', scenario), wall(results, name, scenario))),
      ]),
  )
  return markdownTable(head, body)
}

/** Highest resident memory in any scenario of a workload. */
export function memoryTable(rows: readonly Row[], names: readonly string[]): string {
  const peak = (results: Results, name: string): string => {
    const all = [...(results.get(name)?.values() ?? [])].map(({ peakBytes }) => peakBytes)
    return all.length === 0 ? nothing : mebibytes(Math.max(...all))
  }
  return markdownTable(
    ['workload', ...names.map((name) => `${name}, MiB`)],
    rows.map(({ workload, results }) => [workload, ...names.map((name) => peak(results, name))]),
  )
}

/** What an embedding program sees. */
export function libraryTable(rows: readonly Row[]): string {
  return markdownTable(
    ['workload', 'cold, ms', 'cached, ms', 'event loop p99, ms', 'event loop max, ms', 'peak memory, MiB'],
    rows.flatMap(({ workload, inProcess: it }) =>
      it === undefined
        ? []
        : [
            [
              workload,
              it.coldMs.toFixed(0),
              it.cachedMs.toFixed(1),
              it.p99Ms.toFixed(1),
              it.maxMs.toFixed(1),
              mebibytes(it.peakBytes),
            ],
          ],
    ),
  )
}

function wall(results: Results, name: string, scenario: Scenario): number | undefined {
  return results.get(name)?.get(scenario)?.wallMs
}

function ratio(ours: number | undefined, theirs: number | undefined): string {
  return ours === undefined || theirs === undefined ? nothing : `${(ours / theirs).toFixed(2)} ×`
}
