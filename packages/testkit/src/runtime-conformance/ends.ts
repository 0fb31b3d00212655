import { createHash } from 'node:crypto'
import { kill } from 'node:process'
import * as assert from 'uvu/assert'
import { type BenchTest, rejection } from './fixture.js'
import { processesWith, processWith, uniqueSeconds } from './processes.js'

/** Cancellation, signals, volume, and what is left. */
export function endTests(test: BenchTest): void {
  cancelTests(test)

  test('run() ends everything that the step left running', async ({ sh }) => {
    const seconds = uniqueSeconds()
    const { stdout } = await sh(`sleep ${seconds} & (setsid sleep ${seconds} >/dev/null 2>&1 &); sleep 0.1; echo done`)
    assert.is(stdout, 'done\n')
    assert.equal(processesWith(seconds), [])
  })

  test('run() waits for a step that closes its output early', async ({ sh }) => {
    const started = Date.now()
    assert.is((await sh('exec >/dev/null 2>&1; sleep 0.5; exit 9')).status.code, 9)
    assert.ok(Date.now() - started >= 500)
  })

  test('run() tells the end by a signal as a shell does', async ({ step, sh }) => {
    const seconds = uniqueSeconds()
    const run = step(['sleep', seconds])
    kill(await processWith(seconds), 'SIGKILL')
    assert.is((await run).status.code, 137)
    assert.is((await sh('sh -c "kill -TERM \\$\\$"; exit $?')).status.code, 143)
  })

  test('run() hands on much output unchanged', async ({ step }) => {
    const bytes = 20_000_000
    const hash = createHash('sha256')
    let count = 0
    const args = ['sh', '-c', `yes 0123456789 | head -c ${bytes}`]
    await step(args, {
      run: {
        onOutput: (_, chunk) => {
          count += chunk.length
          hash.update(chunk)
        },
      },
    })
    assert.is(count, bytes)
    assert.is(
      hash.digest('hex'),
      createHash('sha256')
        .update('0123456789\n'.repeat(bytes / 11 + 1).slice(0, bytes))
        .digest('hex'),
    )
  })

  test('run() stops the step when onOutput throws, and rejects with that', async ({ step }) => {
    const seconds = uniqueSeconds()
    const refusal = new Error('no more')
    const error = await rejection(
      step(['sh', '-c', `echo x; sleep ${seconds}`], {
        run: {
          onOutput() {
            throw refusal
          },
        },
      }),
    )
    assert.is(error, refusal)
    assert.equal(processesWith(seconds), [])
  })

  test('run() runs eight steps at once', async ({ sh }) => {
    const started = Date.now()
    const results = await Promise.all(
      Array.from({ length: 8 }, (_, index) => sh(`sleep 0.5; echo ${index}; exit ${index}`)),
    )
    for (const [index, { status, stdout }] of results.entries()) {
      assert.is(stdout, `${index}\n`)
      assert.is(status.code, index)
    }
    assert.ok(Date.now() - started < 3000)
  })

  test('run() sets limits before the command starts', async ({ sh }) => {
    const limits = [
      { name: 'nofile', soft: 77, hard: 88 },
      { name: 'core', soft: 0, hard: 0 },
    ]
    assert.is((await sh('ulimit -Sn; ulimit -Hn; ulimit -c', { limits })).stdout, '77\n88\n0\n')
  })

  const refused = {
    'an unknown limit': { name: 'patience', soft: 1, hard: 1 },
    'a soft limit above the hard one': { name: 'nofile', soft: 2, hard: 1 },
    'a limit above what there can be': { name: 'nofile', soft: 10, hard: 2 ** 40 },
  }
  for (const [what, limit] of Object.entries(refused)) {
    test(`run() rejects ${what} with LIMIT_REFUSED`, async ({ sh }) => {
      const error = await rejection(sh('true', { limits: [limit] }))
      assert.is(error.code, 'LIMIT_REFUSED')
      assert.match(error.message, new RegExp(limit.name))
    })
  }
}

function cancelTests(test: BenchTest): void {
  test('run() does not start with an aborted signal', async ({ sh }) => {
    const reason = new Error('too late')
    assert.is(await rejection(sh('true', { run: { signal: AbortSignal.abort(reason) } })), reason)
  })

  test('run() kills every process of the step when its signal aborts', async ({ sh }) => {
    const seconds = uniqueSeconds()
    const stop = new AbortController()
    const run = sh(
      `sleep ${seconds} & setsid sleep ${seconds} & trap "" TERM INT HUP; sleep ${seconds}; sleep ${seconds}`,
      {
        run: { signal: stop.signal, graceMs: 100 },
      },
    )
    await processWith(seconds)
    const reason = new Error('enough')
    stop.abort(reason)
    assert.is(await rejection(run), reason)
    assert.equal(processesWith(seconds), [])
  })

  test('run() lets a step that handles SIGTERM clean up', async ({ sh }) => {
    const seconds = uniqueSeconds()
    const stop = new AbortController()
    let output = ''
    const run = sh(`trap 'echo bye; exit 0' TERM; sleep ${seconds} & wait`, {
      run: {
        signal: stop.signal,
        graceMs: 10_000,
        onOutput: (_, chunk) => {
          output += Buffer.from(chunk)
        },
      },
    })
    await processWith(seconds)
    const started = Date.now()
    stop.abort()
    await rejection(run)
    assert.is(output, 'bye\n')
    assert.ok(Date.now() - started < 5000)
    assert.equal(processesWith(seconds), [])
  })

  test('run() kills at once without grace', async ({ sh }) => {
    const seconds = uniqueSeconds()
    const stop = new AbortController()
    const run = sh(`trap 'echo bye' TERM; while :; do sleep ${seconds}; done`, {
      run: { signal: stop.signal, graceMs: 0 },
    })
    await processWith(seconds)
    stop.abort()
    await rejection(run)
    assert.equal(processesWith(seconds), [])
  })

  test('run() can be cancelled while many start', async ({ sh }) => {
    const seconds = uniqueSeconds()
    const stop = new AbortController()
    const runs = Array.from({ length: 6 }, () =>
      rejection(sh(`sleep ${seconds}`, { run: { signal: stop.signal, graceMs: 50 } })),
    )
    stop.abort(new Error('all'))
    for (const error of await Promise.all(runs)) assert.is(error.message, 'all')
    assert.equal(processesWith(seconds), [])
  })

  test('disposing the runtime ends its steps', async ({ sh, runtime }) => {
    const seconds = uniqueSeconds()
    const run = rejection(sh(`sleep ${seconds}`))
    await processWith(seconds)
    await runtime[Symbol.asyncDispose]()
    assert.is((await run).code, 'RUNTIME_UNAVAILABLE')
    assert.equal(processesWith(seconds), [])
    assert.is((await rejection(sh('true'))).code, 'RUNTIME_UNAVAILABLE')
  })
}
