import { createMemoryCache, createSolver, type Vertex } from '@tsbuild/solver'
import { type BuildEvent, formatMiss } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { Calls, kindsByName, type Toy, type ToyOptions, toy } from './toy.js'

function setUp() {
  const calls = new Calls()
  const cache = createMemoryCache()
  const solver = createSolver<Toy>({ cache, concurrency: 2 })
  return { calls, cache, solver }
}

/** base → a → b, with options for each. */
function chain(calls: Calls, a: ToyOptions = {}, b: ToyOptions = {}): Vertex<Toy> {
  const base = toy(calls, 'base')
  return toy(calls, 'b', { inputs: [toy(calls, 'a', { inputs: [base], ...a })], ...b })
}

tests('cache', (test) => {
  test('solve() runs each step once and hits them all the second time', async () => {
    const { calls, solver } = setUp()
    const first = await solver.solve([chain(calls)])
    assert.is(first.results[0]?.result.text, 'b(a(base()))')
    assert.equal(
      first.steps.map(({ cached, miss }) => [cached, miss && formatMiss(miss)]),
      Array(3).fill([false, 'no record']),
    )
    const second = await solver.solve([chain(calls)])
    assert.equal(second.results, first.results)
    assert.equal(
      second.steps.map(({ cached }) => cached),
      [true, true, true],
    )
    assert.equal(
      second.steps.map(({ sizeBytes }) => sizeBytes),
      [6, 9, 12],
    )
    assert.equal([calls.total(calls.runs), calls.total(calls.loads)], [3, 3])
  })

  const causes: Record<string, [a: ToyOptions, b: ToyOptions, whyA: string | undefined, whyB: string]> = {
    'a changed argument': [
      { named: [{ name: 'arg VERSION', value: '2' }] },
      {},
      'arg VERSION: 1 → 2',
      'inherited from a',
    ],
    'a new argument': [
      {
        named: [
          { name: 'arg VERSION', value: '1' },
          { name: 'arg NEW', value: 1n },
        ],
      },
      {},
      'arg NEW added: 1',
      'inherited from a',
    ],
    'a missing argument': [{ named: [] }, {}, 'arg VERSION removed: was 1', 'inherited from a'],
    'another instruction': [
      { attributes: 'other', named: [{ name: 'arg VERSION', value: '1' }] },
      {},
      'instruction changed',
      'inherited from a',
    ],
    'a step that ignores the cache': [
      { ignoreCache: true, named: [{ name: 'arg VERSION', value: '1' }] },
      {},
      '--no-cache',
      'inherited from a',
    ],
    'the first of two': [
      { named: [{ name: 'arg VERSION', value: '1' }] },
      {
        named: [
          { name: 'user', value: new Uint8Array([2]) },
          { name: 'cwd', value: '/x' },
        ],
      },
      undefined,
      'user: hex:01 → hex:02',
    ],
  }
  for (const [title, [a, b, whyA, whyB]] of Object.entries(causes)) {
    test(`solve() names the cause of a miss: ${title}`, async () => {
      const { calls, solver } = setUp()
      const named = [{ name: 'arg VERSION', value: '1' }]
      const last = [
        { name: 'user', value: new Uint8Array([1]) },
        { name: 'cwd', value: '/' },
      ]
      await solver.solve([chain(calls, { named }, { named: last })])
      const { steps } = await solver.solve([chain(calls, a, { named: last, ...b })])
      assert.equal(
        steps.map(({ miss }) => miss && formatMiss(miss)),
        [undefined, whyA, whyB],
      )
      assert.equal(
        steps.map(({ cached }) => cached),
        [true, whyA === undefined, false],
      )
    })
  }

  test('solve() compares with the nearest record, not just the newest', async () => {
    const { calls, solver } = setUp()
    const build = (x: string, y: string) =>
      solver.solve([
        toy(calls, 'a', {
          named: [
            { name: 'x', value: x },
            { name: 'y', value: y },
          ],
        }),
      ])
    await build('1', '1')
    await build('2', '2')
    const { steps } = await build('1', '3')
    assert.equal(steps[0]?.miss, { kind: 'option', name: 'y', before: '1', after: '3' })
  })

  test('solve() drops a record whose result is gone, and runs the step', async () => {
    const { calls, cache, solver } = setUp()
    const gone = new Set<string>()
    const first = await solver.solve([toy(calls, 'a', { gone })])
    const { result, key } = first.results[0]!
    gone.add(result.id)
    const { steps } = await solver.solve([toy(calls, 'a', { gone })])
    assert.equal(steps[0]?.miss, { kind: 'gone' })
    assert.equal(
      cache.lookup(key).map(({ resultId }) => resultId),
      [steps[0]?.solved.result.id],
    )
  })

  test('solve() tells when and why a record was dropped', async () => {
    const { calls, cache, solver } = setUp()
    const first = await solver.solve([toy(calls, 'a')])
    const [record] = cache.lookup(first.results[0]!.key)
    const before = Date.now()
    await cache.drop(record!, 'pruned')
    const { steps } = await solver.solve([toy(calls, 'a')])
    const { miss } = steps[0]!
    assert.is(miss?.kind, 'pruned')
    if (miss?.kind !== 'pruned') return
    assert.ok(miss.at >= before && miss.at <= Date.now())
    assert.is(formatMiss(miss, miss.at + 7_200_000), 'no record: pruned 2 h ago')
  })

  test('solve() emits why a step misses, unless it is new', async () => {
    const { calls, solver } = setUp()
    const named = (value: string) => [{ name: 'arg', value }]
    const events: BuildEvent[] = []
    const onEvent = (event: BuildEvent) => events.push(event)
    await solver.solve([chain(calls, { named: named('1') })], { onEvent })
    assert.not(events.some(({ kind }) => kind === 'missed'))
    await solver.solve([chain(calls, { named: named('2') })], { onEvent })
    assert.equal(
      events.flatMap((event) => (event.kind === 'missed' ? [event.why] : [])),
      ['arg: 1 → 2', 'inherited from a'],
    )
  })

  test('solve() takes a record only on the very results that it was made on', async () => {
    const { calls, solver } = setUp()
    await solver.solve([chain(calls)])
    const { steps } = await solver.solve([chain(calls, { ignoreCache: true })])
    assert.equal(
      steps.map(({ cached }) => cached),
      [true, false, false],
    )
    const again = await solver.solve([chain(calls)])
    assert.equal(
      again.steps.map(({ cached }) => cached),
      [true, true, true],
      'what --no-cache made is the newest',
    )
    assert.equal(again.results, [steps[2]?.solved])
  })

  test('solve() hits by content although the input ran again', async () => {
    const { calls, solver } = setUp()
    await solver.solve([chain(calls, {}, { byContent: true })])
    const { steps } = await solver.solve([chain(calls, { ignoreCache: true }, { byContent: true })])
    assert.equal(
      steps.map(({ cached }) => cached),
      [true, false, true],
    )
  })

  test('solve() keeps the record under the key of what was really used', async () => {
    const { calls, solver } = setUp()
    const used = { inputs: [{ name: 'COPY f', value: 'new' }], madeOn: [] }
    const scan = (value: string, keyParts?: typeof used) =>
      toy(calls, 'copy', { named: [{ name: 'COPY f', value }], ...(keyParts ? { keyParts } : {}) })
    const first = await solver.solve([scan('old', used)])
    const hit = await solver.solve([scan('new')])
    assert.is(hit.steps[0]?.cached, true)
    assert.equal(hit.results, first.results)
    const miss = await solver.solve([scan('old')])
    assert.is(miss.steps[0]?.cached, false)
  })

  test('solve() runs a pure step every time, keyed by its inputs', async () => {
    const { calls, solver } = setUp()
    const build = () => solver.solve([toy(calls, 'config', { pure: true, inputs: [toy(calls, 'a')] })])
    const first = await build()
    const second = await build()
    assert.equal(Object.fromEntries(calls.runs), { a: 1, config: 2 })
    assert.is(first.results[0]?.key, second.results[0]?.key)
    assert.equal(
      second.steps.map(({ miss }) => miss),
      [undefined, undefined],
    )
  })

  test('solve() solves equal vertices once and shares between vertices with equal keys', async () => {
    const { calls, solver } = setUp()
    const left = toy(calls, 'a', { attributes: 'same', inputs: [toy(calls, 'x', { attributes: 'x' })] })
    const equal = toy(calls, 'a', { attributes: 'same', inputs: [toy(calls, 'x', { attributes: 'x' })] })
    const content = toy(calls, 'c', { attributes: 'c', byContent: true, inputs: [left] })
    const sameKey = toy(calls, 'c', {
      attributes: 'c',
      byContent: true,
      inputs: [toy(calls, 'a', { ...aOther(calls) })],
    })
    const { steps } = await solver.solve([left, equal, content, sameKey])
    assert.equal(Object.fromEntries(calls.runs), { x: 1, a: 2, c: 1 })
    assert.equal(
      steps
        .filter(({ vertex }) => vertex.name === 'c')
        .map(({ cached }) => cached)
        .sort(),
      [false, true],
    )
  })

  test('solve() emits one ending for each visible step', async () => {
    const { calls, solver } = setUp()
    const graph = () => {
      const hidden = toy(calls, 'hidden', { hidden: true, inputs: [toy(calls, 'base')] })
      return toy(calls, 'top', {
        inputs: [hidden],
        asyncKey: true,
        act: ({ log, progress, warn }) => {
          log('stdout', Buffer.from('hi'))
          progress('layer', 5, 10)
          warn('careful')
        },
      })
    }
    const events: BuildEvent[] = []
    await solver.solve([graph()], { onEvent: (event) => events.push(event) })
    assert.equal(kindsByName(events), {
      base: ['vertexAdded', 'started', 'completed'],
      top: ['vertexAdded', 'started', 'log', 'progress', 'completed'],
    })
    const top = events.find((event) => event.kind === 'vertexAdded' && event.name === 'top')
    assert.equal(
      top?.kind === 'vertexAdded' && top.inputs,
      [toy(calls, 'base').digest],
      'a hidden input is seen through',
    )
    assert.ok(events.some((event) => event.kind === 'warning' && event.message === 'careful'))
    events.length = 0
    await solver.solve([graph()], { onEvent: (event) => events.push(event) })
    assert.equal(kindsByName(events), { base: ['vertexAdded', 'cached'], top: ['vertexAdded', 'started', 'cached'] })
  })

  test('solve() of 20 cached vertices takes under 2 ms', async () => {
    const { calls, solver } = setUp()
    let last = toy(calls, 'v0')
    for (let i = 1; i < 20; i++) last = toy(calls, `v${i}`, { inputs: [last] })
    await solver.solve([last])
    const times: number[] = []
    for (let i = 0; i < 30; i++) {
      const begin = performance.now()
      await solver.solve([last])
      times.push(performance.now() - begin)
    }
    times.sort((a, b) => a - b)
    console.log(
      `20 cached vertices: first solves up to ${times.at(-1)?.toFixed(2)} ms, median ${times[15]?.toFixed(2)} ms`,
    )
    assert.ok(times[15]! < 2, `median ${times[15]} ms`)
    assert.is(calls.total(calls.runs), 20)
  })

  test('solve() takes a chain of 20,000 vertices', async () => {
    const { calls, solver } = setUp()
    let last = toy(calls, 'v', { pure: true })
    for (let i = 0; i < 20_000; i++) last = toy(calls, 'v', { pure: true, attributes: i, inputs: [last] })
    const { steps } = await solver.solve([last])
    assert.is(steps.length, 20_001)
  })
})

function aOther(calls: Calls): ToyOptions {
  return { attributes: 'same but other', inputs: [toy(calls, 'x', { attributes: 'x' })] }
}
