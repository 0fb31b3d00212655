import { hasCode } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { checkContainerOptions } from '../dist/containers/check-options.js'
import { combineCommand, type GivenCommand } from '../dist/containers/command.js'
import { checkContainerName, randomContainerName } from '../dist/containers/container-name.js'
import { containerSettings, mergeEnv, mergeHealthcheck } from '../dist/containers/container-settings.js'

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

const image = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } } as const
const id = 'ab'.repeat(32)

tests('parts of containers', (test) => {
  for (const [title, given, own, args] of commandTable) {
    test(`combineCommand() makes "${args}" of ${title}`, () => {
      const { entrypoint, command } = combineCommand(given, own)
      assert.is([...entrypoint, ...command].join(' '), args)
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
