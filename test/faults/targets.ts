import { existsSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lane } from './lane.js'
import type { Run, RunOptions } from './programs.js'
import { randomNumbers, shuffled } from './random.js'
import type { Scenario } from './scenario.js'

export type FaultAction = 'kill' | 'EIO' | 'ENOSPC'

/** Where the work of a scenario can be killed. */
export interface Targets {
  readonly scenario: Scenario
  /** `<point> <count>`, each once. */
  readonly points: readonly string[]
  /** How long it takes when nothing happens to it. */
  readonly ms: number
}

/** One command, and what happens to it. */
export interface Round {
  readonly scenario: Scenario
  /** `<point> <count>`; else at a random instant. */
  readonly point: string | undefined
  /** When it is killed, without a point. */
  readonly afterMs: number
}

export const pointName = (point: string): string => point.split(' ')[0] ?? ''

/** Node is starting until then, and nothing of ours has begun. */
const bootMs = 50

/** What is done before, the command, and what must hold afterwards. */
export async function runOnce(lane: Lane, scenario: Scenario, round: number, options: RunOptions): Promise<Run> {
  await scenario.prepare?.(lane, await lane.engine(), round)
  const run = await lane.run(await scenario.args(lane, round), options)
  try {
    await scenario.check(lane, await lane.engine(), round, run)
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${run.output}`, { cause: error })
  }
  return run
}

/** Runs every scenario once without harm, to see which points it comes by. */
export async function findTargets(lane: Lane, scenarios: readonly Scenario[]): Promise<Targets[]> {
  const targets: Targets[] = []
  for (const [index, scenario] of scenarios.entries()) {
    const file = join(lane.path, 'trace')
    const run = await runOnce(lane, scenario, 1_000_000 + index, { fault: `trace ${file}` })
    if (run.code !== 0) throw new Error(`${scenario.name} failed with ${run.code}: ${run.output}`)
    const names = existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : []
    await rm(file, { force: true })
    targets.push({ scenario, points: counted(names), ms: run.ms })
  }
  return targets
}

function counted(names: readonly string[]): string[] {
  const counts = new Map<string, number>()
  return names.map((name) => {
    counts.set(name, (counts.get(name) ?? 0) + 1)
    return `${name} ${counts.get(name)}`
  })
}

/** The rounds of a run, without end, the same for the same seed: first each named point once, then every scenario in turn, at a named
 * point and at a random instant. Errors happen at named points only. */
export function* planRounds(targets: readonly Targets[], action: FaultAction, seed: number): Generator<Round, never> {
  const random = randomNumbers(seed)
  yield* eachPointOnce(targets, random)
  const queues = targets.map(({ scenario, points }) => ({ scenario, next: inTurn(points, random) }))
  for (;;) {
    for (const { scenario, ms } of shuffled(targets, random)) {
      const point = queues.find((queue) => queue.scenario === scenario)?.next.next().value
      if (point !== undefined) yield { scenario, point, afterMs: 0 }
      if (action === 'kill') yield { scenario, point: undefined, afterMs: bootMs + random() * Math.max(0, ms - bootMs) }
    }
  }
}

function* eachPointOnce(targets: readonly Targets[], random: () => number): Generator<Round> {
  const seen = new Set<string>()
  const all = targets.flatMap(({ scenario, points }) => points.map((point) => ({ scenario, point, afterMs: 0 })))
  for (const round of shuffled(all, random)) {
    if (seen.has(pointName(round.point))) continue
    seen.add(pointName(round.point))
    yield round
  }
}

/** The items over and over, each time in another order; nothing where there are none. */
function* inTurn<Item>(items: readonly Item[], random: () => number): Generator<Item, undefined> {
  while (items.length > 0) yield* shuffled(items, random)
  return undefined
}
