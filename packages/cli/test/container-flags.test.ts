import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ContainerSummary } from '@tsbuild/core'
import { hasCode } from '@tsbuild/spec'
import { tempDir, tests } from '@tsbuild/testkit'
import { Command } from 'commander'
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { normalizeBooleans } from '../dist/booleans.js'
import { DetachFilter, parseDetachKeys } from '../dist/containers/detach-keys.js'
import { parseDuration, timeFlag } from '../dist/containers/duration.js'
import { readEnv } from '../dist/containers/env.js'
import { containerFilter, pruneFilter } from '../dist/containers/filters.js'
import { type ContainerFlags, defineContainerFlags } from '../dist/containers/flags.js'
import { readMount, readTmpfs, readVolume } from '../dist/containers/mounts.js'
import { containerOptions } from '../dist/containers/options.js'
import { entitlementsOf } from '../dist/containers/sandbox.js'
import { formatPorts, formatStatus } from '../dist/containers/status.js'

function isRefused(error: unknown): boolean {
  return hasCode(error, 'ARGUMENT_INVALID')
}

/** The options of `run ARGS`. */
function options(args: readonly string[], env: Record<string, string> = {}) {
  const command = new Command('run').exitOverride()
  command.configureOutput({ writeErr: () => {}, writeOut: () => {} })
  defineContainerFlags(command)
  command.passThroughOptions()
  command.parse(normalizeBooleans(command, args, true), { from: 'user' })
  return containerOptions(command.opts<ContainerFlags>(), command.args, env)
}

const volumes: Readonly<Record<string, object | undefined>> = {
  '/a:/b': { kind: 'bind', source: '/a', target: '/b', readonly: false, create: true },
  '/a:/b:ro': { kind: 'bind', source: '/a', target: '/b', readonly: true, create: true },
  '/a:/b:rw': { kind: 'bind', source: '/a', target: '/b', readonly: false, create: true },
  '/a': undefined,
  'name:/b': undefined,
  './a:/b': undefined,
  '/a:b': undefined,
  '/a:/b:zz': undefined,
  '/a:/b:ro:x': undefined,
  '': undefined,
}

const mounts: Readonly<Record<string, object | undefined>> = {
  'type=bind,src=/a,dst=/b': { kind: 'bind', source: '/a', target: '/b', readonly: false },
  'type=bind,source=/a,target=/b,readonly': { kind: 'bind', source: '/a', target: '/b', readonly: true },
  'type=bind,"src=/a,b",dst=/b,ro=false': { kind: 'bind', source: '/a,b', target: '/b', readonly: false },
  'type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=700': {
    kind: 'tmpfs',
    target: '/t',
    options: ['nosuid', 'nodev', 'noexec'],
    sizeBytes: 1 << 20,
    mode: 0o700,
  },
  'src=/a,dst=/b': undefined,
  'type=volume,src=a,dst=/b': undefined,
  'type=bind,dst=/b': undefined,
  'type=bind,src=/a': undefined,
  'type=tmpfs,src=/a,dst=/b': undefined,
  'type=bind,src=/a,dst=/b,tmpfs-size=1m': undefined,
  'type=bind,src=/a,dst=/b,nope=1': undefined,
  'type=bind,src=/a,dst=/b,ro=maybe': undefined,
  'type=bind,src,dst=/b': undefined,
  'type=bind,"src=/a': undefined,
}

const tmpfs: Readonly<Record<string, object | undefined>> = {
  '/t': { kind: 'tmpfs', target: '/t', options: ['nosuid', 'nodev', 'noexec'] },
  '/t:size=64m,mode=1777,exec,ro': {
    kind: 'tmpfs',
    target: '/t',
    options: ['nosuid', 'nodev', 'ro'],
    sizeBytes: 64 << 20,
    mode: 0o1777,
  },
  '/t:size=x': undefined,
  '/t:mode=9': undefined,
  '/t:what': undefined,
}

const durations: Readonly<Record<string, number | undefined>> = {
  '30s': 30_000,
  '1m30s': 90_000,
  '1.5h': 5_400_000,
  '250ms': 250,
  '1us': 0.001,
  0: 0,
  30: undefined,
  s: undefined,
  '1d': undefined,
  '-1s': undefined,
  '': undefined,
}

tests('flags of containers', (test) => {
  const readers: readonly [string, (text: string) => object, Readonly<Record<string, object | undefined>>][] = [
    ['readVolume', readVolume, volumes],
    ['readMount', readMount, mounts],
    ['readTmpfs', readTmpfs, tmpfs],
  ]
  for (const [name, read, table] of readers) {
    for (const [text, expected] of Object.entries(table)) {
      test(`${name}() ${expected === undefined ? 'refuses' : 'reads'} "${text}"`, () => {
        if (expected === undefined) assert.throws(() => read(text), isRefused)
        else assert.equal(read(text), expected)
      })
    }
  }

  for (const [text, ms] of Object.entries(durations)) {
    test(`parseDuration() reads "${text}" as ${ms}`, () => assert.is(parseDuration(text), ms))
  }

  test('timeFlag() reads dates, seconds and what was ago', () => {
    const now = Date.parse('2026-05-01T12:00:00Z')
    assert.is(timeFlag('--since', '10m', now), now - 600_000)
    assert.is(timeFlag('--since', '1767225600.5', now), 1_767_225_600_500)
    assert.is(timeFlag('--since', '2026-01-31T12:00:00.25Z', now), Date.parse('2026-01-31T12:00:00.25Z'))
    assert.is(timeFlag('--since', '2026-01-31', now), new Date(2026, 0, 31).getTime())
    for (const bad of ['', 'yesterday', '2026', '12:00'].filter((text) => text !== '2026'))
      assert.throws(() => timeFlag('--since', bad, now), isRefused)
  })

  test('readEnv() takes files first, then flags, then this environment', async () => {
    await using dir = await tempDir()
    const file = join(dir.path, 'env')
    await writeFile(file, '\uFEFF# comment\n\nA=file\n  B=b c \nHERE\nGONE\n')
    const found = readEnv([file], ['A=flag', 'E=', 'HERE', 'MISSING', 'X=1=2'], { HERE: 'yes' })
    assert.equal(found, { A: 'flag', B: 'b c ', HERE: 'yes', E: '', MISSING: undefined, X: '1=2' })
    for (const bad of ['=x', 'A B=1']) {
      await writeFile(file, `${bad}\n`)
      assert.throws(() => readEnv([file], [], {}), isRefused)
    }
    assert.throws(() => readEnv([join(dir.path, 'none')], [], {}), isRefused)
    assert.throws(() => readEnv([], ['=x'], {}), isRefused)
  })

  test('containerOptions() leaves the words behind the image to the command', () => {
    const found = options(['-it', '--rm=true', '-e', 'A=1', '-v', '/a:/b', 'app', 'ls', '-l', '--rm=false', '-e', 'x'])
    assert.is(found.image, 'app')
    assert.equal(found.command, ['ls', '-l', '--rm=false', '-e', 'x'])
    assert.equal([found.terminal, found.stdin, found.autoRemove, found.env?.A], [true, true, true, '1'])
    assert.is(options(['--rm=false', 'app', '--', '-x']).autoRemove, false)
    assert.equal(options(['-itw', '/x', 'app']).cwd, '/x')
  })

  test("containerOptions() resets the entrypoint with ''", () => {
    assert.equal(options(['--entrypoint', '', 'app', 'x']).entrypoint, [])
    assert.equal(options(['--entrypoint=/bin/a b', 'app']).entrypoint, ['/bin/a b'])
    assert.is(options(['app']).entrypoint, undefined)
  })

  test('containerOptions() reads limits, health and log options', () => {
    const found = options([
      ...['--memory', '64m', '--pids-limit', '10', '--cpus', '.5', '--ulimit', 'nofile=10:-1', '--shm-size', '1g'],
      ...['--health-cmd', 'test -e /x', '--health-interval', '1m', '--health-retries', '2'],
      ...['--log-opt', 'max-size=1m', '--log-opt', 'max-file=3', '--stop-timeout', '-1', '-h', 'box'],
      ...['--network', 'none', '--security-opt', 'no-new-privileges', '--read-only', '--cap-drop', 'ALL', 'app'],
    ])
    assert.equal(found.cgroup, { memoryBytes: 64 << 20, pids: 10, cpus: 0.5 })
    assert.equal(found.limits, [{ name: 'nofile', soft: 10, hard: Number.POSITIVE_INFINITY }])
    assert.equal(found.healthcheck, { Test: ['CMD-SHELL', 'test -e /x'], Interval: 60_000_000_000, Retries: 2 })
    assert.equal(found.log, { maxSizeBytes: 1 << 20, maxFiles: 3 })
    assert.equal([found.stopTimeoutSeconds, found.hostname, found.network], [-1, 'box', 'none'])
    assert.equal(found.sandbox, { capDrop: ['ALL'], readonlyRoot: true, noNewPrivileges: true })
    assert.equal(entitlementsOf(found), [])
    assert.equal(entitlementsOf(options(['--privileged', 'app'])), ['security.insecure'])
    assert.equal(entitlementsOf(options(['--cap-add', 'NET_ADMIN', 'app'])), ['security.insecure'])
    assert.is(options(['--pids-limit', '-1', 'app']).cgroup, undefined)
    assert.is(options(['--no-healthcheck', 'app']).healthcheck, 'none')
  })

  for (const args of [
    ['--memory', 'lots'],
    ['--cpus', 'x'],
    ['--pids-limit', '1.5'],
    ['--health-interval', '5'],
    ['--no-healthcheck', '--health-cmd', 'x'],
    ['--log-opt', 'max-size'],
    ['--log-opt', 'max-file=0'],
    ['--log-opt', 'mode=x'],
    ['--network', 'mine'],
    ['--security-opt', 'apparmor=x'],
    ['--security-opt', 'seccomp=/does/not/exist'],
    ['--stop-timeout', 'soon'],
    ['--add-host', 'db'],
    ['--label', '=x'],
  ]) {
    test(`containerOptions() refuses ${args.join(' ')}`, () => {
      assert.throws(() => options([...args, 'app']), isRefused)
    })
  }
})

tests('detach keys', (test) => {
  test('parseDetachKeys() knows letters and control keys', () => {
    assert.equal([...parseDetachKeys()], [16, 17])
    assert.equal([...parseDetachKeys('ctrl-a,d')], [1, 100])
    assert.equal([...parseDetachKeys('ctrl-@,ctrl-[,ctrl-_')], [0, 27, 31])
    for (const bad of ['', 'ctrl-', 'ctrl-1', 'ab', 'ctrl-p,,x']) assert.throws(() => parseDetachKeys(bad), isRefused)
  })

  test('DetachFilter finds the keys, and holds back what may be their beginning', () => {
    const filter = new DetachFilter(Buffer.from([16, 17]))
    const add = (...bytes: number[]) => {
      const out = filter.add(Buffer.from(bytes))
      return out && [...out]
    }
    assert.equal(add(97, 16), [97])
    assert.equal(add(98), [16, 98])
    assert.equal(add(16, 16), [16])
    assert.is(add(17), undefined)
  })

  test('DetachFilter loses nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.constantFrom(16, 97, 98))), (chunks) => {
        const filter = new DetachFilter(Buffer.from([16, 17]))
        const out = [...chunks, [97]].flatMap((chunk) => [...(filter.add(Buffer.from(chunk)) ?? [])])
        assert.equal(out, [...chunks.flat(), 97])
      }),
    )
  })
})

tests('lists of containers', (test) => {
  const now = Date.parse('2026-05-01T12:00:00Z')
  const digest = (letter: string) => `sha256:${letter.repeat(64)}` as ContainerSummary['imageId']
  const base: ContainerSummary = {
    id: 'a'.repeat(64),
    name: 'web_app',
    image: 'app',
    imageId: digest('1'),
    command: ['sh'],
    createdAt: now - 7_200_000,
    status: 'running',
    startedAt: now - 180_000,
    ports: [],
    exposed: [],
    labels: { env: 'test', empty: '' },
    network: 'host',
    mounts: [],
  }
  const ended: ContainerSummary = {
    ...base,
    id: 'b'.repeat(64),
    name: 'job',
    status: 'exited',
    exitCode: 3,
    finishedAt: now - 7_200_000,
    createdAt: now,
    labels: {},
  }
  const context = {
    now,
    containers: [base, ended],
    images: () => [
      { repository: 'app', tag: 'latest', id: digest('1'), digest: digest('2'), sizeBytes: 0 },
      { repository: 'other', tag: 'v1', id: digest('3'), digest: digest('4'), sizeBytes: 0 },
    ],
  }

  const statuses: readonly [Partial<ContainerSummary>, string][] = [
    [{}, 'Up 3 minutes'],
    [{ health: 'healthy' }, 'Up 3 minutes (healthy)'],
    [{ health: 'starting' }, 'Up 3 minutes (health: starting)'],
    [{ status: 'created' }, 'Created'],
    [{ status: 'exited', exitCode: 0, finishedAt: now - 7_200_000 }, 'Exited (0) 2 hours ago'],
    [{ status: 'exited', exitCode: 137, finishedAt: now - 60_000 }, 'Exited (137) About a minute ago'],
  ]
  for (const [more, text] of statuses) {
    test(`formatStatus() says "${text}"`, () => assert.is(formatStatus({ ...base, ...more }, now), text))
  }

  test('formatPorts() has published ports before the others', () => {
    const ports = [
      { containerPort: 80, protocol: 'tcp', hostPort: 8080 },
      { containerPort: 53, protocol: 'udp', hostPort: 53, hostAddress: '::1' },
    ] as const
    assert.is(formatPorts({ ports, exposed: ['9/tcp'] }), '0.0.0.0:8080->80/tcp, [::1]:53->53/udp, 9/tcp')
  })

  const filters: readonly [string[], string][] = [
    [[], 'web_app job'],
    [['status=exited'], 'job'],
    [['status=exited', 'status=running'], 'web_app job'],
    [['name=web'], 'web_app'],
    [['name=^job$'], 'job'],
    [['id=bb'], 'job'],
    [['label=env'], 'web_app'],
    [['label=env=test', 'label=empty'], 'web_app'],
    [['label=env=prod'], ''],
    [['exited=3'], 'job'],
    [['exited=0'], ''],
    [['health=none'], 'web_app job'],
    [['ancestor=app:latest'], 'web_app job'],
    [['ancestor=1111'], 'web_app job'],
    [['ancestor=other:v1'], ''],
    [['before=job'], 'web_app'],
    [['since=web_app'], 'job'],
    [['network=none'], ''],
  ]
  for (const [texts, names] of filters) {
    test(`containerFilter() with ${texts.join(' ') || 'nothing'} leaves "${names}"`, () => {
      const found = context.containers.filter(containerFilter(texts, context))
      assert.is(found.map(({ name }) => name).join(' '), names)
    })
  }

  for (const bad of ['x', '=x', 'color=red', 'status=happy', 'exited=x', 'name=(', 'before=nobody']) {
    test(`containerFilter() refuses "${bad}"`, () => assert.throws(() => containerFilter([bad], context), isRefused))
  }

  test('pruneFilter() knows until and labels', () => {
    const left = (...texts: string[]) => context.containers.filter(pruneFilter(texts, context)).map(({ name }) => name)
    assert.equal(left('until=1h'), ['web_app'])
    assert.equal(left('label=env'), ['web_app'])
    assert.equal(left('label!=env'), ['job'])
    assert.throws(() => pruneFilter(['name=x'], context), isRefused)
  })
})
