import { createMemoryCache, createSolver, type ImportedRecords, InputGoneError, type StepReport } from '@tsbuild/solver'
import type { BuildEvent, CacheRecord } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { Calls, kindsByName, type Toy, type ToyOptions, toy } from './toy.js'

function importOf(records: readonly CacheRecord[]): ImportedRecords {
  return {
    lookup: (key) => records.filter((record) => record.key === key),
    nearest: (step) => records.filter((record) => record.step === step),
  }
}

/** The records that a solve elsewhere has made, as an import brings them. */
async function exported(build: (calls: Calls) => ReturnType<typeof toy>): Promise<ImportedRecords> {
  const solver = createSolver<Toy>({ cache: createMemoryCache(), concurrency: 4 })
  const { steps } = await solver.solve([build(new Calls())])
  const records = steps.flatMap(({ record }) => record ?? [])
  return importOf(records)
}

/** A chain of steps of which those named have no files: who is about to use their results finds that out. */
function chain(calls: Calls, fileless: ReadonlySet<string>, last: ToyOptions = {}) {
  const gone = new Set<string>()
  const act: ToyOptions['act'] = ({ inputs }) => {
    const missing = inputs.filter(({ result }) => fileless.has(result.id) && !gone.has(result.id))
    for (const { result } of missing) gone.add(result.id)
    if (missing.length > 0) throw new InputGoneError('Cannot use a result: its files can not be had')
  }
  const base = toy(calls, 'base', { gone, act })
  const middle = toy(calls, 'middle', { inputs: [base], gone, act })
  return toy(calls, 'last', { inputs: [middle], gone, act, ...last })
}

const outcomes = (steps: readonly StepReport<Toy>[]) =>
  Object.fromEntries(steps.map(({ vertex, cached }) => [vertex.name, cached]))

tests('imported records', (test) => {
  test('solve() takes a step from an import where its cache has none', async () => {
    const imported = await exported((calls) => chain(calls, new Set()))
    const calls = new Calls()
    const events: BuildEvent[] = []
    const solver = createSolver<Toy>({ cache: createMemoryCache(), concurrency: 4 })
    const { results, steps } = await solver.solve([chain(calls, new Set())], {
      imported,
      onEvent: (event) => events.push(event),
    })
    assert.is(calls.total(calls.runs), 0)
    assert.is(results[0]?.result.text, 'last(middle(base()))')
    assert.equal(outcomes(steps), { base: true, middle: true, last: true })
    assert.equal(
      events.flatMap((event) => (event.kind === 'cached' ? [event.from] : [])),
      ['imported', 'imported', 'imported'],
    )
  })

  test('solve() prefers its own cache, and drops nothing of an import', async () => {
    const imported = await exported((calls) => chain(calls, new Set()))
    const solver = createSolver<Toy>({ cache: createMemoryCache(), concurrency: 4 })
    const own = await solver.solve([chain(new Calls(), new Set())])
    const again = await solver.solve([chain(new Calls(), new Set())], { imported })
    assert.is(again.results[0]?.result.id, own.results[0]?.result.id)
  })

  test('solve() runs what an import promised and cannot give, as deep as needed, and nothing else', async () => {
    const source = createSolver<Toy>({ cache: createMemoryCache(), concurrency: 4 })
    const made = await source.solve([chain(new Calls(), new Set())])
    const records = made.steps.flatMap(({ record }) => record ?? [])
    const imported = importOf(records)
    const ids = new Map(made.steps.map(({ vertex, solved }) => [vertex.name, solved.result.id]))
    for (const [fileless, ran] of [
      [['middle'], ['middle', 'last']],
      [
        ['base', 'middle'],
        ['base', 'middle', 'last'],
      ],
    ] as const) {
      const calls = new Calls()
      const events: BuildEvent[] = []
      const target = chain(calls, new Set(fileless.map((name) => ids.get(name) as string)), {
        named: [{ name: 'argument', value: 'changed' }],
      })
      const solver = createSolver<Toy>({ cache: createMemoryCache(), concurrency: 4 })
      const { results, steps } = await solver.solve([target], { imported, onEvent: (event) => events.push(event) })
      assert.is(results[0]?.result.text, 'last(middle(base()))')
      assert.equal(
        steps.filter(({ cached }) => !cached).map(({ vertex }) => vertex.name),
        ran,
      )
      const kinds = kindsByName(events).middle?.filter((kind) => kind !== 'missed')
      assert.equal(kinds, ['vertexAdded', 'cached', 'started', 'completed'])
      assert.is(calls.runs.get('middle'), fileless.length)
    }
  })

  test('solve() runs a step that two users miss once', async () => {
    const imported = await exported((calls) => toy(calls, 'shared'))
    const calls = new Calls()
    const gone = new Set<string>()
    const shared = toy(calls, 'shared', { gone })
    const act: ToyOptions['act'] = ({ inputs }) => {
      const result = inputs[0]?.result as Toy
      if (calls.runs.get('shared') === undefined) {
        gone.add(result.id)
        throw new InputGoneError('Cannot use a result: its files can not be had')
      }
    }
    const left = toy(calls, 'left', { inputs: [shared], act })
    const right = toy(calls, 'right', { inputs: [shared], act })
    const top = toy(calls, 'top', { inputs: [left, right] })
    const solver = createSolver<Toy>({ cache: createMemoryCache(), concurrency: 4 })
    const { results } = await solver.solve([top], { imported })
    assert.is(results[0]?.result.text, 'top(left(shared()),right(shared()))')
    assert.is(calls.runs.get('shared'), 1)
  })

  test('solve() names the step that fails when it has to run after all', async () => {
    const imported = await exported((calls) => toy(calls, 'below'))
    const calls = new Calls()
    const gone = new Set<string>()
    const below = toy(calls, 'below', {
      gone,
      act: () => {
        throw new Error('it was not reproducible')
      },
    })
    const above = toy(calls, 'above', {
      inputs: [below],
      act: ({ inputs }) => {
        gone.add(inputs[0]?.result.id as string)
        throw new InputGoneError('Cannot use a result: its files can not be had')
      },
    })
    const events: BuildEvent[] = []
    const solver = createSolver<Toy>({ cache: createMemoryCache(), concurrency: 4 })
    const error = await solver.solve([above], { imported, onEvent: (event) => events.push(event) }).then(
      () => undefined,
      (reason: Error) => reason,
    )
    assert.match(error?.message ?? '', /Cannot run step "below": it was not reproducible/)
    assert.equal(kindsByName(events), {
      below: ['vertexAdded', 'cached', 'started', 'failed'],
      above: ['vertexAdded', 'started', 'canceled'],
    })
  })

  test('solve() explains a miss against the records of an import', async () => {
    const imported = await exported((calls) => toy(calls, 'step', { named: [{ name: 'arg', value: '1' }] }))
    const solver = createSolver<Toy>({ cache: createMemoryCache(), concurrency: 4 })
    const changed = toy(new Calls(), 'step', { named: [{ name: 'arg', value: '2' }] })
    const { steps } = await solver.solve([changed], { imported })
    assert.is(steps[0]?.cached, false)
    assert.match(JSON.stringify(steps[0]?.miss), /"1".*"2"/)
  })
})
