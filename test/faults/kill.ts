import * as assert from 'uvu/assert'
import { checkGroup } from './group-check.js'
import { type Lane, openLane } from './lane.js'
import { scenarios as allScenarios } from './scenarios/index.js'
import { openSurroundings, type Surroundings } from './surroundings.js'
import { type FaultAction, findTargets, planRounds, pointName, type Round, runOnce, type Targets } from './targets.js'

export interface FaultOptions {
  /** Go on until so many processes were killed, or got an error. */
  readonly rounds: number
  readonly seed: number
  /** What happens at the named points; kills happen as often at random instants. */
  readonly action: FaultAction
  /** Only these scenarios and points. Default: all of them. */
  readonly scenario?: string
  readonly point?: string
  readonly maxMs?: number
  readonly onProgress?: (line: string) => void
}

export interface FaultReport {
  readonly rounds: number
  /** Of these at a named point. */
  readonly named: number
  /** How often something happened at each named point. */
  readonly points: ReadonlyMap<string, number>
  readonly ms: number
}

/** Root folders in which commands are killed side by side. */
export interface Harness extends AsyncDisposable {
  /** Kills commands, or lets their disk fail, and checks the root folder after each. Rejects with the first thing that does not hold. */
  run(options: FaultOptions): Promise<FaultReport>
}

/** Rounds after which a root folder is looked at as a whole, and after which it is left for a new one. */
const groupSize = 40
const roundsOfLane = 400

export async function openHarness(lanes = 3): Promise<Harness> {
  const surroundings = await openSurroundings()
  let targets: Promise<Targets[]> | undefined
  const find = async () => {
    await using lane = await openLane(surroundings)
    return await findTargets(lane, allScenarios)
  }
  return {
    async run(options) {
      targets ??= find()
      return runRounds(surroundings, chosen(await targets, options), lanes, options)
    },
    [Symbol.asyncDispose]: () => surroundings[Symbol.asyncDispose](),
  }
}

function chosen(targets: readonly Targets[], { scenario, point }: FaultOptions): Targets[] {
  return targets
    .filter((one) => scenario === undefined || one.scenario.name === scenario)
    .map((one) => ({
      ...one,
      points: one.points.filter((name) => point === undefined || name === point || pointName(name) === point),
    }))
}

async function runRounds(
  surroundings: Surroundings,
  targets: readonly Targets[],
  lanes: number,
  options: FaultOptions,
): Promise<FaultReport> {
  const { rounds, action, seed, maxMs = Number.POSITIVE_INFINITY, onProgress } = options
  const began = performance.now()
  const plan = planRounds(targets, action, seed)
  const points = new Map<string, number>()
  const count = { all: 0, named: 0 }
  const again = onceMore(targets)
  const missed = () => {
    while (again.length > 0) {
      const round = again.shift()!
      if (!points.has(pointName(round.point ?? ''))) return round
    }
    return undefined
  }
  let over = false
  const isOver = () => over || count.all >= rounds || performance.now() - began > maxMs
  const note = ({ point }: Round) => {
    if (++count.all % 100 === 0)
      onProgress?.(`${count.all} of ${rounds} in ${Math.round((performance.now() - began) / 1000)} s`)
    if (point === undefined) return
    count.named++
    points.set(pointName(point), (points.get(pointName(point)) ?? 0) + 1)
  }
  const work = async () => {
    while (!isOver()) {
      await using lane = await openLane(surroundings)
      for (let number = 0; !isOver() && number < roundsOfLane; number++) {
        const round = (count.all * 2 > rounds ? missed() : undefined) ?? plan.next().value
        await oneRound(lane, number, round, action, note)
        if (number % groupSize === groupSize - 1) await named(number, round, () => checkGroup(lane))
      }
      await checkGroup(lane)
    }
  }
  const stop = (error: unknown) => {
    over = true
    throw error
  }
  const ended = await Promise.allSettled(Array.from({ length: lanes }, () => work().catch(stop)))
  for (const result of ended) if (result.status === 'rejected') throw result.reason
  return { rounds: count.all, named: count.named, points, ms: performance.now() - began }
}

/** For points that nothing came by when it was their turn: what is there to be swept differs from round to round. */
function onceMore(targets: readonly Targets[]): Round[] {
  const all = targets.flatMap(({ scenario, points }) => points.map((point) => ({ scenario, point, afterMs: 0 })))
  return [...all, ...all]
}

/** Errors say where they come from, in the words of the command line of `npm run faults`. */
async function named<Result>(number: number, round: Round, work: () => Promise<Result>): Promise<Result> {
  const { scenario, point, afterMs } = round
  try {
    return await work()
  } catch (error) {
    const where = point === undefined ? `after ${afterMs.toFixed(1)} ms` : `--point '${point}'`
    throw new Error(`Round ${number}, --scenario '${scenario.name}' ${where}: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

async function oneRound(
  lane: Lane,
  number: number,
  round: Round,
  action: FaultAction,
  note: (round: Round) => void,
): Promise<void> {
  const { scenario, point, afterMs } = round
  const fault = point === undefined ? { killAfterMs: afterMs } : { fault: `${action} ${point}` }
  await named(number, round, async () => {
    const { signal, code, output } = await runOnce(lane, scenario, number, fault)
    // Any other signal is a crash in native code.
    if (signal !== null && (action !== 'kill' || signal !== 'SIGKILL'))
      throw new Error(`a process that got ${action} died of ${signal}:\n${output}`)
    if (action !== 'kill') {
      assert.not.match(output, /\n\s+at .*:\d+:\d+\)?\n/, `${action} was not foreseen`)
    }
    // A container's monitor may have been the one that was killed.
    if (signal === 'SIGKILL' || (point !== undefined && code !== 0)) note(round)
  })
}
