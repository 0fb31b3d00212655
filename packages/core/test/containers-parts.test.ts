import { once } from 'node:events'
import { appendFile, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { hasCode } from '@tsbuild/spec'
import { tempDir, tests } from '@tsbuild/testkit'
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { checkContainerOptions } from '../dist/containers/check-options.js'
import { combineCommand, type GivenCommand } from '../dist/containers/command.js'
import { checkContainerName, randomContainerName } from '../dist/containers/container-name.js'
import { containerSettings, mergeEnv, mergeHealthcheck } from '../dist/containers/container-settings.js'
import { encodeControl, encodeFrame, readFrames } from '../dist/containers/monitor/frames.js'
import { firstHealth, healthCommand, healthTiming, nextHealth } from '../dist/containers/monitor/health-check.js'
import { openLogFile } from '../dist/containers/monitor/log-file.js'
import { readLog } from '../dist/containers/read-log.js'
import { signalNumber } from '../dist/containers/signals.js'

/** Docker's table of ENTRYPOINT and CMD; the image has `e` and `c` where it has them. */
const commandTable: readonly [title: string, image: GivenCommand, given: GivenCommand, args: string][] = [
  ['neither', {}, {}, ''],
  ['CMD only', { command: ['c'] }, {}, 'c'],
  ['ENTRYPOINT only', { entrypoint: ['e'] }, {}, 'e'],
  ['ENTRYPOINT and CMD', { entrypoint: ['e', 'x'], command: ['c'] }, {}, 'e x c'],
  ['null is nothing', { entrypoint: null, command: null }, {}, ''],
  ['a command replaces CMD', { command: ['c'] }, { command: ['n'] }, 'n'],
  ['a command behind ENTRYPOINT', { entrypoint: ['e'], command: ['c'] }, { command: ['n', 'm'] }, 'e n m'],
  ['an entrypoint drops CMD', { entrypoint: ['e'], command: ['c'] }, { entrypoint: ['n'] }, 'n'],
  ['an entrypoint with a command', { entrypoint: ['e'], command: ['c'] }, { entrypoint: ['n'], command: ['m'] }, 'n m'],
  ['no entrypoint drops both', { entrypoint: ['e'], command: ['c'] }, { entrypoint: [] }, ''],
  ['no entrypoint with a command', { entrypoint: ['e'], command: ['c'] }, { entrypoint: [], command: ['m'] }, 'm'],
  ['an empty command is none', { entrypoint: ['e'], command: ['c'] }, { command: [] }, 'e c'],
]

const signals: Readonly<Record<string, number | undefined>> = {
  SIGTERM: 15,
  term: 15,
  Quit: 3,
  9: 9,
  'SIGRTMIN+3': 37,
  'rtmax-1': 63,
  0: undefined,
  65: undefined,
  'SIGRTMIN+31': undefined,
  SIGNONE: undefined,
  '': undefined,
}

const image = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } } as const
const id = 'ab'.repeat(32)

tests('parts of containers', (test) => {
  for (const [title, given, own, args] of commandTable) {
    test(`combineCommand() makes "${args}" of ${title}`, () => {
      const { entrypoint, command } = combineCommand(given, own)
      assert.is([...entrypoint, ...command].join(' '), args)
    })
  }

  for (const [text, number] of Object.entries(signals)) {
    test(`signalNumber() takes "${text}" for ${number ?? 'nothing'}`, () => {
      if (number !== undefined) assert.is(signalNumber(text), number)
      else
        assert.throws(
          () => signalNumber(text),
          (error: unknown) => hasCode(error, 'OPTION_INVALID'),
        )
    })
  }

  test('mergeEnv() replaces in place, adds, and takes away', () => {
    assert.equal(mergeEnv(['A=1', 'B=2', 'C'], { B: '3', D: 'x=y', A: undefined }), ['B=3', 'C=', 'D=x=y'])
  })

  test('randomContainerName() makes names that checkContainerName() takes', () => {
    for (let attempt = 0; attempt < 40; attempt++) checkContainerName(randomContainerName(attempt % 20))
    assert.is(checkContainerName('/web'), 'web')
    for (const bad of ['', 'x', '-ab', 'a b', 'a/b', 'é1', 'a\n'])
      assert.throws(
        () => checkContainerName(bad),
        (error: unknown) => hasCode(error, 'OPTION_INVALID'),
        bad,
      )
  })

  test('containerSettings() puts image and options together', () => {
    const config = {
      ...image,
      config: {
        Env: ['PATH=/bin', 'A=image'],
        WorkingDir: '/app',
        User: 'web',
        Labels: { a: '1' },
        ExposedPorts: { '80/tcp': {}, '9/udp': {} },
        StopSignal: 'SIGQUIT',
        Healthcheck: { Test: ['CMD', 'probe'], Retries: 5 },
      },
    }
    const settings = containerSettings(
      id,
      config,
      {
        image: 'x',
        env: { A: 'own' },
        labels: { b: '2' },
        expose: ['443'],
        network: 'none',
        healthcheck: { Retries: 2 },
      },
      undefined,
    )
    assert.equal(settings.env, ['PATH=/bin', 'A=own'])
    assert.equal([settings.cwd, settings.user, settings.stopSignal], ['/app', 'web', 'SIGQUIT'])
    assert.equal(settings.labels, { a: '1', b: '2' })
    assert.equal(settings.exposed, ['9/udp', '80/tcp', '443/tcp'])
    assert.is(settings.hostname, id.slice(0, 12))
    assert.equal(settings.healthcheck, { Test: ['CMD', 'probe'], Retries: 2 })
    assert.equal(JSON.parse(JSON.stringify(settings)), settings)
  })

  test('containerSettings() keeps unlimited limits through JSON', () => {
    const limits = [{ name: 'nofile', soft: 10, hard: Number.POSITIVE_INFINITY }]
    const settings = containerSettings(id, image, { image: 'x', limits }, 'oci')
    assert.equal(settings.limits, [{ name: 'nofile', soft: 10, hard: -1 }])
    assert.is(settings.runtime, 'oci')
  })

  test('mergeHealthcheck() knows when there is none', () => {
    assert.is(mergeHealthcheck(undefined, undefined), undefined)
    assert.is(mergeHealthcheck({ Test: ['NONE'] }, undefined), undefined)
    assert.is(mergeHealthcheck({ Test: ['CMD', 'x'] }, 'none'), undefined)
    assert.is(mergeHealthcheck(undefined, { Retries: 3 }), undefined)
  })

  const refused: readonly [object, string, RegExp][] = [
    [{ cwd: 'app' }, 'OPTION_INVALID', /working directory "app"/],
    [{ hostname: 'a b' }, 'OPTION_INVALID', /host name/],
    [{ mounts: [{ kind: 'bind', source: 'rel', target: '/x' }] }, 'OPTION_INVALID', /mount source "rel"/],
    [{ mounts: [{ kind: 'tmpfs', target: 'x' }] }, 'OPTION_INVALID', /mount target "x"/],
    [{ mounts: [{ kind: 'tmpfs', target: '/x/..' }] }, 'OPTION_INVALID', /root of the container/],
    [{ mounts: ['/a', '/a/'].map((target) => ({ kind: 'tmpfs', target })) }, 'OPTION_INVALID', /two mounts/],
    [{ env: { 'A=B': 'x' } }, 'OPTION_INVALID', /variable/],
    [{ log: { maxSizeBytes: 0 } }, 'OPTION_INVALID', /maxSizeBytes/],
    [{ cgroup: { pids: -1 } }, 'OPTION_INVALID', /pids/],
    [{ stopTimeoutSeconds: -2 }, 'OPTION_INVALID', /stop timeout/],
    [{ privileged: true }, 'ENTITLEMENT_MISSING', /privileged/],
    [{ sandbox: { capAdd: ['SYS_ADMIN'] } }, 'ENTITLEMENT_MISSING', /capabilities/],
    [{ sandbox: { seccomp: 'unconfined' } }, 'ENTITLEMENT_MISSING', /seccomp/],
  ]
  for (const [options, code, message] of refused) {
    test(`checkContainerOptions() refuses ${JSON.stringify(options)}`, () => {
      assert.throws(
        () => checkContainerOptions({ image: 'x', ...options }, []),
        (error: unknown) => hasCode(error, code) && message.test(error.message),
      )
    })
  }

  test('checkContainerOptions() takes what was granted', () => {
    const sandbox = { capAdd: ['ALL'], seccomp: 'unconfined', capDrop: ['CHOWN'] } as const
    checkContainerOptions({ image: 'x', privileged: true, sandbox }, ['security.insecure'])
    checkContainerOptions({ image: 'x', sandbox: { capDrop: ['ALL'], readonlyRoot: true } }, [])
  })
})

tests('a health check', (test) => {
  const probe = (exitCode: number, startedAt = 100_000) => ({ startedAt, endedAt: startedAt, exitCode, output: '' })
  const timing = { retries: 2, startPeriodMs: 0 }

  test("healthTiming() has Docker's defaults", () => {
    assert.equal(healthTiming({ Interval: 0, Timeout: 2_000_000_000 }), {
      intervalMs: 30_000,
      timeoutMs: 2000,
      startPeriodMs: 0,
      startIntervalMs: 5000,
      retries: 3,
    })
  })

  test('healthCommand() knows words and lines of shell', () => {
    assert.equal(healthCommand(['CMD', 'a', 'b']), ['a', 'b'])
    assert.equal(healthCommand(['CMD-SHELL', 'a || b']), ['/bin/sh', '-c', 'a || b'])
    assert.equal(healthCommand(['CMD-SHELL', 'a'], ['/bin/bash', '-ec']), ['/bin/bash', '-ec', 'a'])
  })

  test('nextHealth() counts failures in a row', () => {
    const once = nextHealth(firstHealth, probe(1), timing, 0)
    assert.equal([once.status, once.failingStreak], ['starting', 1])
    const twice = nextHealth(once, probe(-1), timing, 0)
    assert.equal([twice.status, twice.failingStreak], ['unhealthy', 2])
    const well = nextHealth(twice, probe(0), timing, 0)
    assert.equal([well.status, well.failingStreak], ['healthy', 0])
    assert.is(nextHealth(well, probe(1), timing, 0).status, 'healthy')
  })

  test('nextHealth() does not count failures of the start period', () => {
    const patient = { retries: 1, startPeriodMs: 5000 }
    const early = nextHealth(firstHealth, probe(1, 4999), patient, 0)
    assert.equal([early.status, early.failingStreak], ['starting', 0])
    assert.is(nextHealth(early, probe(1, 5000), patient, 0).status, 'unhealthy')
    const well = nextHealth(early, probe(0, 10), patient, 0)
    assert.is(nextHealth(well, probe(1, 20), patient, 0).status, 'unhealthy')
  })

  test('nextHealth() keeps the last five probes', () => {
    let health = firstHealth
    for (let n = 0; n < 8; n++) health = nextHealth(health, probe(n), timing, 0)
    assert.equal(
      health.probes.map(({ exitCode }) => exitCode),
      [3, 4, 5, 6, 7],
    )
  })
})

tests('frames', (test) => {
  test('readFrames() gives back what was encoded, however it is cut', async () => {
    const payloads = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(payloads, fc.integer({ min: 1, max: 64 }), async (list, step) => {
        const bytes = Buffer.concat(list.map((payload) => encodeFrame('stdout', payload)))
        const stream = new PassThrough()
        for (let at = 0; at < bytes.length; at += step) stream.write(bytes.subarray(at, at + step))
        stream.end()
        const found: number[][] = []
        for await (const { kind, payload } of readFrames(stream)) {
          assert.is(kind, 'stdout')
          found.push([...payload])
        }
        assert.equal(
          found,
          list.map((payload) => [...payload]),
        )
      }),
      { numRuns: 50 },
    )
  })

  test('readFrames() refuses what is none, and leaves out what is cut off', async () => {
    const read = async (bytes: Uint8Array) => {
      const stream = new PassThrough()
      stream.end(bytes)
      let count = 0
      for await (const _ of readFrames(stream)) count++
      return count
    }
    assert.is(await read(encodeControl({ kind: 'done' }).subarray(0, 9)), 0)
    for (const bad of [Buffer.from('GET / HTTP/1.1\r\n'), Buffer.from([1, 0xff, 0xff, 0xff, 0xff])]) {
      const failure = await read(bad).catch((error: unknown) => error)
      assert.instance(failure, RangeError)
    }
  })
})

tests('a log', (test) => {
  const limits = { maxSizeBytes: 1 << 20, maxFiles: 2 }
  const never = () => new Promise<void>(() => {})

  async function read(directory: string, options = {}) {
    const entries: { stream: string; text: string }[] = []
    for await (const { stream, data } of readLog({ directory, log: join(directory, 'log'), ended: never }, options))
      entries.push({ stream, text: Buffer.from(data).toString('latin1') })
    return entries
  }

  test('readLog() gives lines back, byte for byte', async () => {
    await using dir = await tempDir()
    using log = openLogFile(join(dir.path, 'log'), limits)
    log.write('stdout', Buffer.from('one\ntwo\nthr'))
    log.write('stderr', Buffer.from('oops\n'))
    log.write('stdout', Buffer.from([0xe2, 0x82]))
    log.write('stdout', Buffer.from([0xac, 0x0a]))
    assert.equal(await read(dir.path), [
      { stream: 'stdout', text: 'one\n' },
      { stream: 'stdout', text: 'two\n' },
      { stream: 'stdout', text: 'thr' },
      { stream: 'stderr', text: 'oops\n' },
      { stream: 'stdout', text: '\xe2\x82' },
      { stream: 'stdout', text: '\xac\n' },
    ])
  })

  for (const [tail, texts] of [
    [0, []],
    [1, ['end']],
    [2, ['b\n', 'end']],
    [9, ['a\n', 'b\n', 'end']],
  ] as const) {
    test(`readLog() with a tail of ${tail} gives the last lines`, async () => {
      await using dir = await tempDir()
      using log = openLogFile(join(dir.path, 'log'), limits)
      log.write('stdout', Buffer.from('a\nb\nend'))
      const found = await read(dir.path, { tail })
      assert.equal(
        found.map(({ text }) => text),
        texts,
      )
    })
  }

  test('readLog() keeps to since and until', async () => {
    await using dir = await tempDir()
    const line = (time: string, log: string) => `${JSON.stringify({ log, stream: 'stdout', time })}\n`
    const text = ['10', '20', '30'].map((second) => line(`2026-01-01T00:00:${second}Z`, `${second}\n`)).join('')
    await writeFile(join(dir.path, 'log'), `${text}{"log":"cut o`)
    const found = await read(dir.path, {
      since: Date.parse('2026-01-01T00:00:15Z'),
      until: Date.parse('2026-01-01T00:00:25Z'),
    })
    assert.equal(found, [{ stream: 'stdout', text: '20\n' }])
  })

  test('openLogFile() keeps so many files of such a size', async () => {
    await using dir = await tempDir()
    using log = openLogFile(join(dir.path, 'log'), { maxSizeBytes: 1000, maxFiles: 3 })
    for (let n = 0; n < 200; n++) log.write('stdout', Buffer.from(`line ${n}\n`))
    assert.equal((await readdir(dir.path)).sort(), ['log', 'log.1', 'log.2'])
    for (const name of await readdir(dir.path)) assert.ok((await readFile(join(dir.path, name))).length <= 1000)
    const found = await read(dir.path)
    assert.is(found.at(-1)?.text, 'line 199\n')
    const numbers = found.map(({ text }) => Number(text.slice(5)))
    assert.equal(
      numbers,
      numbers.map((_, index) => 200 - numbers.length + index),
    )
  })

  test('openLogFile() starts anew where one file is all there may be', async () => {
    await using dir = await tempDir()
    using log = openLogFile(join(dir.path, 'log'), { maxSizeBytes: 300, maxFiles: 1 })
    for (let n = 0; n < 50; n++) log.write('stdout', Buffer.from(`line ${n}\n`))
    assert.equal(await readdir(dir.path), ['log'])
    assert.is((await read(dir.path)).at(-1)?.text, 'line 49\n')
  })

  test('readLog() follows over a change of files to the end', async () => {
    await using dir = await tempDir()
    const path = join(dir.path, 'log')
    const entry = (log: string) => `${JSON.stringify({ log, stream: 'stdout', time: new Date().toISOString() })}\n`
    await writeFile(path, entry('a\n'))
    const end = new PassThrough()
    const ended = () => once(end, 'finish').then(() => {})
    const lines = readLog({ directory: dir.path, log: path, ended }, { follow: true })[Symbol.asyncIterator]()
    const next = async () => Buffer.from((await lines.next()).value?.data ?? '').toString()
    assert.is(await next(), 'a\n')
    await appendFile(path, entry('b\n'))
    assert.is(await next(), 'b\n')
    await appendFile(path, entry('c\n'))
    await rename(path, `${path}.1`)
    await writeFile(path, entry('d\n'))
    assert.is(await next(), 'c\n')
    assert.is(await next(), 'd\n')
    await appendFile(path, entry('e\n'))
    end.end()
    assert.is(await next(), 'e\n')
    assert.is((await lines.next()).done, true)
  })

  test('readLog() stops with its signal', async () => {
    await using dir = await tempDir()
    const stop = new AbortController()
    const lines = readLog(
      { directory: dir.path, log: join(dir.path, 'log'), ended: never },
      { follow: true, signal: stop.signal },
    )
    const next = lines.next().catch((error: unknown) => error)
    stop.abort(new Error('enough'))
    assert.match(String(await next), /enough/)
  })
})
