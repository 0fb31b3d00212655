import { createMemoryCache, createSolver, SolveError } from '@tsbuild/solver'
import type { BuildEvent, KeyLocks } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { Calls, gate, kindsByName, pause, type Toy, toy } from './toy.js'

function setUp(concurrency = 2) {
  const calls = new Calls()
  const cache = createMemoryCache()
  const solver = createSolver<Toy>({ cache, concurrency })
  return { calls, cache, solver }
}

/** Locks as another process would see them: one holder a name. */
function toyLocks(): KeyLocks & { readonly held: Set<string> } {
  const held = new Set<string>()
  return {
    held,
    async acquire(name, { signal } = {}) {
      while (held.has(name)) await pause(1, signal)
      signal?.throwIfAborted()
      held.add(name)
      return {
        async [Symbol.asyncDispose]() {
          held.delete(name)
        },
      }
    },
  }
}

tests('sharing and ending', (test) => {
  test('solve() runs independent branches side by side, at most `concurrency` of them', async () => {
    const { calls, solver } = setUp(3)
    const act = () => pause(10)
    const branches = Array.from({ length: 8 }, (_, i) => {
      const below = toy(calls, `below${i}`, { act })
      return toy(calls, `branch${i}`, { inputs: [below], act })
    })
    await solver.solve([toy(calls, 'all', { inputs: branches })])
    assert.is(calls.mostRunning, 3)
    assert.is(calls.total(calls.runs), 17)
  })

  test('solve() takes no result that another solve made of other inputs than were looked up', async () => {
    const { calls, solver } = setUp()
    const { open, opened } = gate()
    const named = [{ name: 'content', value: 'same' }]
    const edited = { inputs: [{ name: 'content', value: 'edited' }], madeOn: [] }
    const theirs = toy(calls, 'a', { named, keyParts: edited, act: () => opened, drift: () => ' edited' })
    const first = solver.solve([theirs])
    const second = solver.solve([toy(calls, 'a', { named })])
    await pause(5)
    open()
    const [one, two] = await Promise.all([first, second])
    assert.match(one.results[0]?.result.text ?? '', /edited/)
    assert.not.match(two.results[0]?.result.text ?? '', /edited/)
    assert.is(calls.total(calls.runs), 2)
  })

  test('solve() lets a record be saved while it looks again for what another solve made of other inputs', async () => {
    const { calls, cache } = setUp()
    // As a database does, the cache saves in a later turn of the event loop.
    const slow = {
      ...cache,
      save: (record: Parameters<typeof cache.save>[0]) => pause(20).then(() => cache.save(record)),
    }
    const solver = createSolver<Toy>({ cache: slow, concurrency: 2 })
    const { open, opened } = gate()
    const named = [{ name: 'content', value: 'same' }]
    const edited = { inputs: [{ name: 'content', value: 'edited' }], madeOn: [] }
    const first = solver.solve([toy(calls, 'a', { named, keyParts: edited, act: () => opened })])
    const second = solver.solve([toy(calls, 'a', { named })])
    await pause(5)
    open()
    await Promise.all([first, second])
    assert.is(calls.total(calls.runs), 2)
  })

  test('solve() runs a step itself when the solve that began it has gone and the run failed', async () => {
    const { calls, solver } = setUp()
    const { open, opened } = gate()
    const abort = new AbortController()
    const lost = async () => {
      await opened
      throw new Error('what it worked on is gone')
    }
    const first = solver.solve([toy(calls, 'a', { act: lost })], { signal: abort.signal })
    const second = solver.solve([toy(calls, 'a')])
    await pause(5)
    abort.abort(new Error('enough'))
    await first.catch(() => {})
    open()
    assert.is((await second).steps[0]?.cached, false)
    assert.is(calls.total(calls.runs), 2)
  })

  test('solve() shares the run of an equal step with another solve under way', async () => {
    const { calls, solver } = setUp()
    const { open, opened } = gate()
    const graph = () => toy(calls, 'a', { act: ({ log }) => opened.then(() => log('stdout', Buffer.from('x'))) })
    const events: BuildEvent[] = []
    const first = solver.solve([graph()])
    const second = solver.solve([graph()], { onEvent: (event) => events.push(event) })
    await pause(5)
    open()
    const [one, two] = await Promise.all([first, second])
    assert.equal(one.results, two.results)
    assert.equal([one.steps[0]?.cached, two.steps[0]?.cached], [false, true])
    assert.is(calls.total(calls.runs), 1)
    assert.equal(kindsByName(events), { a: ['vertexAdded', 'started', 'log', 'cached'] })
  })

  test('solve() does not share a step that ignores the cache', async () => {
    const { calls, solver } = setUp()
    const graph = () => toy(calls, 'a', { ignoreCache: true, act: () => pause(5) })
    const [one, two] = await Promise.all([solver.solve([graph()]), solver.solve([graph()])])
    assert.is.not(one.results[0]?.result.id, two.results[0]?.result.id)
  })

  test('solve() shares between solvers through locks', async () => {
    const calls = new Calls()
    const cache = createMemoryCache()
    const locks = toyLocks()
    const graph = () => toy(calls, 'b', { inputs: [toy(calls, 'a', { act: () => pause(10) })], act: () => pause(5) })
    const solvers = [0, 1, 2].map(() => createSolver<Toy>({ cache, locks, concurrency: 1 }))
    const solutions = await Promise.all(solvers.map((solver) => solver.solve([graph()])))
    assert.equal(Object.fromEntries(calls.runs), { a: 1, b: 1 })
    assert.is(new Set(solutions.map(({ results }) => results[0]?.result.id)).size, 1)
    assert.is(solutions.flatMap(({ steps }) => steps).filter(({ cached }) => !cached).length, 2)
    assert.is(locks.held.size, 0)
  })

  test('solve() looks by its own op for what another process made while it waited with another solve', async () => {
    const cache = createMemoryCache()
    const locks = toyLocks()
    const elsewhere = createSolver<Toy>({ cache, locks, concurrency: 1 })
    const { open, opened } = gate()
    const other = elsewhere.solve([toy(new Calls(), 'a', { act: () => opened })])
    await pause(2)
    const here = createSolver<Toy>({ cache, locks, concurrency: 1 })
    const [starter, joiner] = [new Calls(), new Calls()]
    const both = Promise.all([starter, joiner].map((calls) => here.solve([toy(calls, 'a')])))
    await pause(2)
    open()
    await other
    const solutions = await both
    for (const calls of [starter, joiner]) {
      assert.is(calls.total(calls.runs), 0)
      assert.ok(calls.total(calls.loads) > 0)
    }
    for (const { steps } of solutions) assert.is(steps[0]?.cached, true)
  })

  test('solve() gives the lock back after a failure', async () => {
    const calls = new Calls()
    const locks = toyLocks()
    const solver = createSolver<Toy>({ cache: createMemoryCache(), locks, concurrency: 1 })
    await rejection(solver.solve([toy(calls, 'a', { act: fail('no') })]))
    assert.is(locks.held.size, 0)
  })

  test('solve() keeps a shared run going while somebody waits for it', async () => {
    const { calls, solver } = setUp()
    const { open, opened } = gate()
    let aborted = false
    const graph = () =>
      toy(calls, 'a', {
        act: ({ signal }) => {
          signal.addEventListener('abort', () => {
            aborted = true
          })
          return opened
        },
      })
    const leaver = new AbortController()
    const first = solver.solve([graph()], { signal: leaver.signal })
    const second = solver.solve([graph()])
    await pause(2)
    leaver.abort(new Error('enough'))
    assert.is((await rejection(first)).message, 'enough')
    assert.is(aborted, false)
    open()
    assert.is((await second).results[0]?.result.text, 'a()')
    assert.is(calls.total(calls.runs), 1)
  })

  test('solve() ends a shared run when all who wait were aborted, and a later solve starts anew', async () => {
    const { calls, solver } = setUp()
    let ended = false
    const graph = () =>
      toy(calls, 'a', {
        act: async ({ signal }) => {
          if (calls.runs.get('a') === 2) return
          await pause(1000, signal).catch(() => {})
          await pause(20)
          ended = true
          throw new Error('killed')
        },
      })
    const controllers = [new AbortController(), new AbortController()]
    const waiting = controllers.map(({ signal }) => rejection(solver.solve([graph()], { signal })))
    await pause(2)
    for (const controller of controllers) controller.abort(new Error('stop'))
    await pause(2)
    const third = solver.solve([graph()])
    assert.is((await waiting[1])?.message, 'stop')
    assert.is(ended, true, 'the last one to leave waits for the end of the op')
    assert.is((await third).results[0]?.result.text, 'a()')
    assert.is(calls.total(calls.runs), 2)
  })

  test('solve() ends with the first failure, wrapped once, and cancels the rest', async () => {
    const { calls, solver } = setUp()
    let ended = false
    const slow = toy(calls, 'slow', {
      act: async ({ signal }) => {
        await pause(1000, signal).catch(() => {})
        await pause(10)
        ended = true
        signal.throwIfAborted()
      },
    })
    const bad = toy(calls, 'bad', { act: async () => pause(5).then(fail('exit code 1')) })
    const events: BuildEvent[] = []
    const targets = [toy(calls, 'top', { inputs: [slow, bad] })]
    const error = await rejection(solver.solve(targets, { onEvent: (event) => events.push(event) }))
    assert.instance(error, SolveError)
    assert.is((error as SolveError).code, 'STEP_FAILED')
    assert.is((error as SolveError).vertex, bad)
    assert.is((error.cause as Error).message, 'exit code 1')
    assert.is(ended, true, 'the op that was running has ended')
    assert.equal(kindsByName(events), {
      slow: ['vertexAdded', 'started', 'canceled'],
      bad: ['vertexAdded', 'started', 'failed'],
      top: ['vertexAdded', 'canceled'],
    })
    assert.is(calls.runs.has('top'), false)
  })

  test('solve() fails the step whose key, load or record fails', async () => {
    for (const part of ['cacheKey', 'load', 'save'] as const) {
      const { calls, cache } = setUp()
      const vertex = toy(calls, 'a')
      await createSolver<Toy>({ cache, concurrency: 1 }).solve([vertex])
      const broken = { ...vertex, op: { ...vertex.op, [part]: fail(part) }, ignoreCache: part === 'save' }
      const store = part === 'save' ? { ...cache, save: async () => fail(part)() } : cache
      const error = await rejection(createSolver<Toy>({ cache: store, concurrency: 1 }).solve([broken]))
      assert.is((error.cause as Error).message, part)
    }
  })

  test('solve() rejects with the reason of its signal after all has ended', async () => {
    const { calls, solver } = setUp(1)
    const controller = new AbortController()
    const events: BuildEvent[] = []
    const act = ({ signal }: { signal: AbortSignal }) => pause(1000, signal).catch(() => pause(10))
    const running = toy(calls, 'running', { act })
    const queued = toy(calls, 'queued', { act })
    const pure = toy(calls, 'pure', { pure: true, act })
    const solving = solver.solve([running, queued, pure], { signal: controller.signal, onEvent: (e) => events.push(e) })
    await pause(5)
    controller.abort(new Error('Ctrl-C'))
    assert.is((await rejection(solving)).message, 'Ctrl-C')
    assert.is(calls.running, 0)
    assert.is(calls.runs.has('queued'), false)
    assert.equal(kindsByName(events).queued, ['vertexAdded', 'canceled'])
    assert.is((await rejection(solver.solve([running], { signal: controller.signal }))).message, 'Ctrl-C')
    assert.is((await solver.solve([toy(calls, 'after')])).steps.length, 1, 'the slot is free again')
  })

  test('solve() does not wait for a slot that another solve has', async () => {
    const { calls, solver } = setUp(1)
    const { open, opened } = gate()
    const other = solver.solve([toy(calls, 'long', { act: () => opened })])
    const signal = AbortSignal.timeout(5)
    const error = await rejection(solver.solve([toy(calls, 'waits')], { signal }))
    assert.is(error.name, 'TimeoutError')
    open()
    await other
    assert.is(calls.runs.has('waits'), false)
  })

  test('solve() ends with what onEvent throws', async () => {
    const { calls, solver } = setUp()
    const error = await rejection(solver.solve([toy(calls, 'a')], { onEvent: fail('view broke') }))
    assert.is(error.message, 'view broke')
  })

  test('solve() of 200 branches warns of no leak', async () => {
    const { calls, solver } = setUp(4)
    const warnings: Error[] = []
    const onWarning = (warning: Error) => warnings.push(warning)
    process.on('warning', onWarning)
    const branches = Array.from({ length: 200 }, (_, i) => toy(calls, `b${i}`, { act: () => pause(1) }))
    await solver.solve(branches, { signal: new AbortController().signal })
    await pause(2)
    process.off('warning', onWarning)
    assert.equal(warnings, [])
  })
})

function fail(message: string): () => never {
  return () => {
    throw new Error(message)
  }
}

async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => assert.unreachable('it should reject'),
    (error) => error,
  )
}
