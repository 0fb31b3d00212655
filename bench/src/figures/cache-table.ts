import { bytes, markdownTable, nothing, seconds } from '../markdown.js'

/** `cached` sends nothing; `nothing` and `image` are imports, by what is kept. */
export type Scenario = 'cached' | 'first' | 'second' | 'nothing' | 'image'

export interface Sample {
  readonly ms: number
  readonly sentBytes: number
  readonly fetchedBytes: number
}

export type CacheTable = {
  readonly workload: string
  readonly samples: ReadonlyMap<string, ReadonlyMap<Scenario, Sample>>
}[]

type Get = (scenario: Scenario) => Sample | undefined

/** One line for each workload and measure, one column for each builder. */
export function exportTable(table: Readonly<CacheTable>, names: readonly string[]): string {
  return format(table, names, [
    ['cached build, no export, s', (get) => seconds(get('cached')?.ms)],
    ['first export, s', (get) => seconds(get('first')?.ms)],
    ['second export, s', (get) => seconds(get('second')?.ms)],
    ['first export, sent', (get) => bytes(get('first')?.sentBytes)],
    ['second export, sent', (get) => bytes(get('second')?.sentBytes)],
    ['second ÷ first, whole commands', (get) => percent(get('second')?.ms, get('first')?.ms)],
    ['second ÷ first, alone', (get) => percent(alone(get, 'second'), alone(get, 'first'))],
    ['second ÷ first, bytes', (get) => percent(get('second')?.sentBytes, get('first')?.sentBytes)],
  ])
}

export function importTable(table: Readonly<CacheTable>, names: readonly string[]): string {
  return format(table, names, [
    ['no image kept, s', (get) => seconds(get('nothing')?.ms)],
    ['no image kept, fetched', (get) => bytes(get('nothing')?.fetchedBytes)],
    ['image in the store, s', (get) => seconds(get('image')?.ms)],
    ['image in the store, fetched', (get) => bytes(get('image')?.fetchedBytes)],
  ])
}

function format(
  table: Readonly<CacheTable>,
  names: readonly string[],
  lines: readonly (readonly [label: string, cell: (get: Get) => string])[],
): string {
  const body = table.flatMap(({ workload, samples }) =>
    lines.map(([label, cell]) => [
      workload,
      label,
      ...names.map((name) => cell((scenario) => samples.get(name)?.get(scenario))),
    ]),
  )
  return markdownTable(['workload', '', ...names], body)
}

/** What an export adds to the same build; noise can make it less than nothing. */
function alone(get: Get, scenario: 'first' | 'second'): number | undefined {
  const [cached, whole] = [get('cached')?.ms, get(scenario)?.ms]
  return cached === undefined || whole === undefined ? undefined : Math.max(0, whole - cached)
}

function percent(part: number | undefined, whole: number | undefined): string {
  if (part === undefined || whole === undefined || whole === 0) return nothing
  return `${((part / whole) * 100).toFixed(1)} %`
}
