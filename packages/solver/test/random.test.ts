import { createMemoryCache, createSolver, type Vertex } from '@tsbuild/solver'
import type { BuildEvent } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { Calls, pause, type Toy, toy } from './toy.js'

interface NodePlan {
  /** Picks inputs among the earlier nodes, as fractions. */
  readonly inputs: readonly number[]
  readonly pure: boolean
  readonly asyncKey: boolean
  readonly byContent: boolean
  readonly waits: boolean
  readonly fails: boolean
}

const node: fc.Arbitrary<NodePlan> = fc.record({
  inputs: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { maxLength: 3 }),
  pure: fc.boolean(),
  asyncKey: fc.boolean(),
  byContent: fc.boolean(),
  waits: fc.boolean(),
  fails: fc.integer({ min: 0, max: 15 }).map((n) => n === 0),
})
const plan = fc.array(node, { minLength: 1, maxLength: 14 })

function graph(calls: Calls, nodes: readonly NodePlan[], mayFail: boolean): Vertex<Toy>[] {
  const made: Vertex<Toy>[] = []
  for (const [index, { inputs, pure, asyncKey, byContent, waits, fails }] of nodes.entries()) {
    const act = async ({ signal }: { signal: AbortSignal }) => {
      if (waits) await pause(1, signal)
      if (fails && mayFail) throw new Error(`node ${index}`)
    }
    const below = [...new Set(inputs.map((fraction) => made[Math.floor(fraction * index)]))].filter(
      (v) => v !== undefined,
    )
    made.push(toy(calls, `n${index}`, { inputs: below, pure, asyncKey, byContent, act }))
  }
  return made
}

tests('random graphs', (test) => {
  test('solve() runs each vertex once, then hits every cached one', async () => {
    await fc.assert(
      fc.asyncProperty(plan, fc.integer({ min: 1, max: 3 }), async (nodes, concurrency) => {
        const calls = new Calls()
        const solver = createSolver<Toy>({ cache: createMemoryCache(), concurrency })
        const first = await solver.solve(graph(calls, nodes, false))
        assert.ok([...calls.runs.values()].every((count) => count === 1))
        assert.is(calls.runs.size, nodes.length)
        const again = new Calls()
        const second = await solver.solve(graph(again, nodes, false))
        const cachedNodes = nodes.filter(({ pure }) => !pure).length
        const pureBelow = nodes.some(({ pure }) => pure)
        if (!pureBelow) assert.is(second.steps.filter(({ cached }) => cached).length, cachedNodes)
        assert.equal(
          second.results.map(({ result }) => result.text),
          first.results.map(({ result }) => result.text),
        )
        assert.equal(
          second.results.map(({ key }) => key),
          first.results.map(({ key }) => key),
        )
      }),
      { numRuns: 60 },
    )
  })

  test(
    'solve() ends under random failures and aborts, and the next one works',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          plan,
          fc.integer({ min: 1, max: 3 }),
          fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 1, maxLength: 3 }),
          async (nodes, concurrency, delays) => {
            const calls = new Calls()
            const solver = createSolver<Toy>({ cache: createMemoryCache(), concurrency })
            await Promise.all(delays.map((delay) => oneOf(calls, nodes, delay, solver)))
            await pause(0)
            assert.is(calls.running, 0, 'no op is left running')
            const { steps } = await solver.solve(graph(new Calls(), nodes, false))
            assert.is(steps.length, new Set(steps.map(({ vertex }) => vertex.digest)).size)
          },
        ),
        { numRuns: 80 },
      )
    },
    { timeoutMs: 60_000 },
  )
})

/** One solve of several at the same time; a delay of 0 means no abort. Each visible step must have one ending. */
async function oneOf(
  calls: Calls,
  nodes: readonly NodePlan[],
  delay: number,
  solver: ReturnType<typeof createSolver<Toy>>,
): Promise<void> {
  const controller = new AbortController()
  const reason = new Error('aborted')
  const timer = delay === 0 ? undefined : setTimeout(() => controller.abort(reason), delay)
  const endings = new Map<string, number>()
  const onEvent = (event: BuildEvent) => {
    if (event.kind === 'vertexAdded') endings.set(event.id, 0)
    const isEnding = ['cached', 'completed', 'failed', 'canceled'].includes(event.kind)
    if (event.kind !== 'warning' && isEnding) endings.set(event.id, (endings.get(event.id) ?? 0) + 1)
  }
  try {
    await solver.solve(graph(calls, nodes, true), { signal: controller.signal, onEvent })
  } catch (error) {
    const expected = error === reason || /^Cannot run step "n\d+": node \d+$/.test((error as Error).message)
    assert.ok(expected, String(error))
  } finally {
    clearTimeout(timer)
  }
  assert.ok(
    [...endings.values()].every((count) => count === 1),
    JSON.stringify([...endings.values()]),
  )
}
