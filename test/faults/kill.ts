import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { checkGroup } from './group-check.js'
import { type Lane, openLane } from './lane.js'
import { type Scenario, scenarios } from './scenarios.js'

export interface KillOptions {
  /** Go on until so many processes were killed, or got an error. */
  readonly kills: number
  readonly seed: number
  /** What happens at the named points. Default `kill`, and as often at a random instant. */
  readonly action?: 'kill' | 'EIO' | 'ENOSPC'
  /** Lanes side by side. */
  readonly lanes?: number
  readonly onProgress?: (line: string) => void
}

export interface KillReport {
  readonly kills: number
  /** Of these at a named point. */
  readonly named: number
  /** Named points that a process was killed at. */
  readonly points: ReadonlySet<string>
  readonly ms: number
}

const groupSize = 25
/** After so many rounds a root folder is left for a new one. */
const roundsOfLane = 400

/** Where the work of a scenario can be killed. */
interface Targets {
  readonly scenario: Scenario
  /** `<point> <count>`, each once. */
  readonly points: string[]
  /** How long it takes when nothing happens to it. */
  readonly ms: number
}

/** Kills commands at named points and at random instants, and checks the root folder after each kill. Rejects with the first thing that
 * does not hold. */
export async function killRounds({
  kills,
  seed,
  action = 'kill',
  lanes = 2,
  onProgress,
}: KillOptions): Promise<KillReport> {
  const began = performance.now()
  const random = randomNumbers(seed)
  const killed = { all: 0, named: 0 }
  const points = new Set<string>()
  let queue: Round[] = []
  const next = (targets: readonly Targets[]): Round => {
    if (queue.length === 0) queue = shuffled(targets.flatMap(action === 'kill' ? roundsOf : namedRoundsOf), random)
    return queue.pop()!
  }
  const lane = async () => {
    while (killed.all < kills) {
      await using lane = await openLane()
      const targets = await findTargets(lane)
      for (let round = 0; killed.all < kills && round < roundsOfLane; round++) {
        const chosen = next(targets)
        const where = chosen.point ?? 'random'
        try {
          if (await oneRound(lane, round, chosen, action, random)) {
            killed.all++
            if (chosen.point !== undefined) killed.named++
            if (chosen.point !== undefined) points.add(chosen.point.split(' ')[0] ?? '')
          }
          if (round % groupSize === groupSize - 1) await checkGroup(lane)
        } catch (error) {
          throw new Error(`Round ${round}, ${chosen.scenario.name} at ${where}: ${(error as Error).message}`, {
            cause: error,
          })
        }
        if (round % 100 === 99) onProgress?.(`${killed.all} of ${kills} kills`)
      }
      await checkGroup(lane)
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return { kills: killed.all, named: killed.named, points, ms: performance.now() - began }
}

interface Round {
  readonly scenario: Scenario
  /** Else at a random instant. */
  readonly point: string | undefined
  readonly ms: number
}

function roundsOf({ scenario, points, ms }: Targets): Round[] {
  return points.flatMap((point) => [
    { scenario, point, ms },
    { scenario, point: undefined, ms },
  ])
}

function namedRoundsOf({ scenario, points, ms }: Targets): Round[] {
  return points.map((point) => ({ scenario, point, ms }))
}

/** Runs every scenario once without harm, to see which points it comes by. */
async function findTargets(lane: Lane): Promise<Targets[]> {
  const targets: Targets[] = []
  for (const [index, scenario] of scenarios.entries()) {
    const round = 1_000_000 + index
    const file = join(lane.path, 'trace')
    const run = await runOnce(lane, scenario, round, { fault: `trace ${file}` })
    if (run.code !== 0) throw new Error(`${scenario.name} failed with ${run.code}: ${run.output}`)
    const counts = new Map<string, number>()
    const points = readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((name) => {
        counts.set(name, (counts.get(name) ?? 0) + 1)
        return `${name} ${counts.get(name)}`
      })
    await rm(file)
    targets.push({ scenario, points, ms: run.ms })
  }
  return targets
}

async function runOnce(lane: Lane, scenario: Scenario, round: number, options: Parameters<Lane['run']>[1]) {
  await scenario.prepare?.(lane, await lane.engine(), round)
  const run = await lane.run(await scenario.args(lane, round), options)
  await scenario.check(lane, await lane.engine(), round, run)
  return run
}

/** Whether something was killed, or failed. */
async function oneRound(
  lane: Lane,
  round: number,
  { scenario, point, ms }: Round,
  action: string,
  random: () => number,
): Promise<boolean> {
  const options = point === undefined ? { killAfterMs: random() * ms * 1.1 } : { fault: `${action} ${point}` }
  const { signal, code, output } = await runOnce(lane, scenario, round, options)
  if (action !== 'kill') {
    assert.is(signal, null, `a process that got ${action} died:\n${output}`)
    assert.not.match(output, /\n\s+at .*:\d+:\d+\)?\n/, `${action} was not foreseen`)
  }
  // A container's monitor may have been the one that was killed.
  return signal === 'SIGKILL' || (point !== undefined && code !== 0)
}

/** The same numbers for the same seed. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items]
  for (let at = result.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1))
    ;[result[at], result[other]] = [result[other]!, result[at]!]
  }
  return result
}
