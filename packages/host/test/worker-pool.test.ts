import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createWorkerPool } from '@tsbuild/host'
import { faultVariable, hasCode } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'

const entry = new URL('./tree-test-worker.js', import.meta.url)
const openPool = (size = 1) => createWorkerPool({ entry, size, name: 'test' })
const caught = (promise: Promise<unknown>) =>
  promise.then(
    () => assert.unreachable('should have failed'),
    (error: unknown) => error,
  )

async function* bytes(total: number, chunk: number): AsyncGenerator<Uint8Array> {
  for (let sent = 0; sent < total; sent += chunk) yield new Uint8Array(Math.min(chunk, total - sent)).fill(sent / chunk)
}

tests('worker pool', (test) => {
  test('run() returns results and messages', async () => {
    await using pool = openPool()
    const messages: unknown[] = []
    const result = await pool.run('echo', { a: [1n, 'x'] }, { onMessage: (message) => messages.push(message) })
    assert.equal(result, { a: [1n, 'x'] })
    assert.equal(messages, ['started'])
  })

  test('run() gives threads nothing of the environment but where files go and where faults are injected', async () => {
    const given = { TMPDIR: '/tmp', TZ: 'UTC', [faultVariable]: 'kill nowhere 1', SECRET: 'x' }
    const before = { ...process.env }
    Object.assign(process.env, given)
    try {
      await using pool = openPool()
      const { SECRET: _, ...passedOn } = given
      assert.equal(await pool.run('environment', undefined), { PATH: '/usr/bin:/bin', ...passedOn })
    } finally {
      for (const name of Object.keys(given))
        if (before[name] === undefined) delete process.env[name]
        else process.env[name] = before[name]
    }
  })

  test('run() runs more tasks than there are threads', async () => {
    await using pool = openPool(2)
    const results = await Promise.all(Array.from({ length: 20 }, (_, index) => pool.run<number>('echo', index)))
    assert.equal(
      results,
      Array.from({ length: 20 }, (_, index) => index),
    )
  })

  test('run() carries bytes both ways, unchanged and in order', async () => {
    await using pool = openPool()
    for (const [total, chunk] of [
      [0, 1],
      [10, 3],
      [5_000_000, 65_536],
      [9_000_000, 3_000_000],
    ] as const) {
      let received = 0
      let sum = 0
      const result = await pool.run('pipe', undefined, {
        source: bytes(total, chunk),
        onChunk(data) {
          for (let at = 0; at < data.length; at += 997) sum += data[at]! * (received + at)
          received += data.length
        },
      })
      assert.is(result, total)
      assert.is(received, total)
      assert.ok(total === 0 || total === 10 || sum > 0)
    }
  })

  test('run() lets the consumer slow the worker down', async () => {
    await using pool = openPool()
    const stop = new AbortController()
    let sent = 0
    let free = () => {}
    const run = pool.run('pour', 1000, {
      signal: stop.signal,
      onMessage: (count) => {
        sent = count as number
      },
      onChunk: () =>
        new Promise<void>((resolve) => {
          free = resolve
        }),
    })
    run.catch(() => {})
    while (sent < 4) await new Promise((resolve) => setTimeout(resolve, 10))
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.is(sent, 4)
    stop.abort(new Error('enough'))
    free()
    assert.is(((await caught(run)) as Error).message, 'enough')
  })

  test('run() lets the worker slow the source down', async () => {
    await using pool = openPool()
    let read = 0
    async function* source() {
      for (; read < 100; read++) yield new Uint8Array(1 << 20)
    }
    const stop = new AbortController()
    const run = pool.run('pipe', undefined, {
      source: source(),
      signal: stop.signal,
      onChunk: () => new Promise(() => {}),
    })
    run.catch(() => {})
    while (read < 5) await new Promise((resolve) => setTimeout(resolve, 10))
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.ok(read < 15, `read ${read} MiB ahead`)
    stop.abort()
    await caught(run)
  })

  test("run() gives the source's error to the task", async () => {
    await using pool = openPool()
    async function* source() {
      yield new Uint8Array(10)
      throw Object.assign(new Error('line went dead'), { code: 'ECONNRESET' })
    }
    const error = await caught(pool.run('pipe', undefined, { source: source(), onChunk: () => {} }))
    assert.is((error as NodeJS.ErrnoException).code, 'ECONNRESET')
  })

  test('run() stops the task when onChunk throws, and throws the same', async () => {
    await using pool = openPool()
    const full = new Error('disk full')
    const error = await caught(pool.run('pour', 10, { onChunk: () => Promise.reject(full) }))
    assert.is(error, full)
    assert.is(await pool.run('echo', 2), 2)
  })

  test('run() stops a spinning task by signal and keeps the thread', async () => {
    await using pool = openPool()
    const stop = new AbortController()
    const run = pool.run('spin', undefined, { signal: stop.signal, onMessage: () => stop.abort(new Error('stop')) })
    assert.is(((await caught(run)) as Error).message, 'stop')
    assert.is(await pool.run('echo', 3), 3)
  })

  test('run() takes a waiting task out of the queue by signal', async () => {
    await using pool = openPool()
    const stop = new AbortController()
    const first = pool.run('spin', undefined, { signal: stop.signal })
    const waiting = pool.run('echo', 4, { signal: AbortSignal.timeout(20) })
    assert.is(((await caught(waiting)) as Error).name, 'TimeoutError')
    stop.abort()
    await caught(first)
  })

  test('run() carries errors with code and stack', async () => {
    await using pool = openPool()
    const error = (await caught(pool.run('fail', '/no/such/file'))) as NodeJS.ErrnoException
    assert.is(error.code, 'ENOENT')
    assert.is(error.path, '/no/such/file')
    assert.match(error.stack ?? '', /tree-test-worker/)
    assert.ok(hasCode(await caught(pool.run('toString', 1)), 'HOST_UNSUPPORTED'))
  })

  test('run() rejects when the thread ends, and replaces it', async () => {
    await using pool = openPool()
    const crashed = pool.run('crash', undefined)
    const next = pool.run('echo', 5)
    const error = await caught(crashed)
    assert.ok(hasCode(error, 'WORKER_CRASHED'))
    assert.match((error as Error).message, /"crash": its worker ended with code 7/)
    assert.is(await next, 5)
  })

  test('stream() hands out the chunks and returns the result', async () => {
    await using pool = openPool()
    const stream = pool.stream<number>('pipe', undefined, { source: bytes(3_500_000, 100_000) })
    let received = 0
    let step = await stream.next()
    for (; !step.done; step = await stream.next()) received += step.value.length
    assert.is(received, 3_500_000)
    assert.is(step.value, 3_500_000)
  })

  test('stream() stops the task when its reader stops', async () => {
    await using pool = openPool()
    for await (const chunk of pool.stream('pour', 100)) {
      assert.is(chunk.length, 100)
      break
    }
    assert.is(await pool.run('echo', 6), 6)
  })

  test("stream() throws the signal's reason", async () => {
    await using pool = openPool()
    const stop = new AbortController()
    let count = 0
    try {
      for await (const _ of pool.stream('pour', 100, { signal: stop.signal }))
        if (++count === 10) stop.abort(new Error('no more'))
      assert.unreachable()
    } catch (error) {
      assert.is((error as Error).message, 'no more')
    }
  })

  test('an idle pool lets the program end', () => {
    const host = import.meta.resolve('@tsbuild/host')
    const code = `import { createWorkerPool } from '${host}'
      const pool = createWorkerPool({ entry: new URL('${entry}'), size: 1, name: 'x' })
      console.log(await pool.run('echo', 'done'))`
    const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      timeout: 5000,
      encoding: 'utf8',
      cwd: fileURLToPath(new URL('.', import.meta.url)),
    })
    assert.is(stdout, 'done\n')
    assert.is(status, 0)
  })
})
