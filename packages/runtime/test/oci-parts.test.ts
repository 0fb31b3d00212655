import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProcessSpec } from '@tsbuild/spec'
import { hasCode } from '@tsbuild/spec'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { checkProgram } from '../dist/oci/check-program.js'
import { type OciStep, ociConfig } from '../dist/oci/oci-config.js'
import { isAnnouncement, readOciLog } from '../dist/oci/oci-failure.js'
import { createOciPrograms, findOciPrograms } from '../dist/oci/oci-programs.js'

const spec: ProcessSpec = {
  root: { kind: 'bind', source: '/', readonly: true },
  args: ['make', '"\\'],
  env: ['A=ü'],
  cwd: '/src',
  user: '',
  network: 'none',
}

const step: OciStep = {
  spec,
  root: '/place',
  hostname: 'h',
  user: { uid: 4_294_967_294, gid: 7, groups: [8], home: '/home/u' },
  mounts: [],
  limits: [{ type: 'RLIMIT_CORE', soft: 0n, hard: 0xffffffffffffffffn }],
  ownCapabilities: 0b11n,
  deviceRules: true,
}

const line = (level: string, msg: string) => JSON.stringify({ level, msg, time: 'now' })

interface Config {
  readonly root: unknown
  readonly process: Readonly<Record<'args' | 'env' | 'user' | 'capabilities', unknown>>
  readonly linux: {
    readonly namespaces: readonly { readonly type: string }[]
    readonly maskedPaths: readonly string[]
    readonly resources: unknown
  }
}

tests('OCI parts', (test) => {
  test('ociConfig() writes what the step asks for', () => {
    const text = ociConfig(step)
    assert.match(text, /"soft":0,"hard":18446744073709551615/)
    const config = JSON.parse(text) as Config
    assert.equal(config.root, { path: '/place' })
    assert.equal(config.process.args, spec.args)
    assert.equal(config.process.env, [
      'A=ü',
      'HOME=/home/u',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ])
    assert.equal(config.process.user, { uid: 4_294_967_294, gid: 7, umask: 18, additionalGids: [8] })
    const namespaces = config.linux.namespaces
    assert.equal(
      namespaces.map(({ type }) => type),
      ['mount', 'pid', 'ipc', 'uts', 'network'],
    )
    assert.ok(config.linux.maskedPaths.includes('/proc/kcore'))
    assert.ok(config.linux.resources)
  })

  test('ociConfig() leaves an insecure step its capabilities, paths and devices', () => {
    const insecure = { ...step, spec: { ...spec, security: 'insecure', network: 'host' } as const }
    const config = JSON.parse(ociConfig(insecure)) as {
      process: { capabilities: unknown }
      linux: Record<string, unknown>
    }
    const own = ['CAP_CHOWN', 'CAP_DAC_OVERRIDE']
    assert.equal(config.process.capabilities, { bounding: own, effective: own, permitted: own })
    assert.equal(Object.keys(config.linux), ['namespaces', 'resources'])
    assert.equal(config.linux.resources, { devices: [{ allow: true, access: 'rwm' }] })
  })

  test('ociConfig() writes the sandbox that the step asks for', () => {
    const seccomp = {
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures: [],
      flags: ['SECCOMP_FILTER_FLAG_LOG'],
      syscalls: [
        {
          names: ['read'],
          action: 'SCMP_ACT_ERRNO',
          args: [{ index: 1, value: '18446744073709551615', op: 'SCMP_CMP_GT' }],
        },
      ],
    }
    const sandbox = { capDrop: ['ALL'], capAdd: ['CHOWN'], noNewPrivileges: true, readonlyRoot: true, seccomp }
    const text = ociConfig({ ...step, spec: { ...spec, sandbox } })
    assert.match(text, '"value":18446744073709551615,"valueTwo":0')
    const config = JSON.parse(text) as {
      root: unknown
      process: { capabilities: { bounding: unknown }; noNewPrivileges: unknown }
      linux: { seccomp: Record<string, unknown> }
    }
    assert.equal(config.root, { path: '/place', readonly: true })
    assert.equal(config.process.capabilities.bounding, ['CAP_CHOWN'])
    assert.is(config.process.noNewPrivileges, true)
    assert.equal(config.linux.seccomp.flags, ['SECCOMP_FILTER_FLAG_LOG'])
    assert.is(config.linux.seccomp.defaultAction, 'SCMP_ACT_ALLOW')
  })

  test('ociConfig() takes the making of nodes from a step whose devices no cgroup guards', () => {
    const bounding = (deviceRules: boolean) => {
      const config = JSON.parse(ociConfig({ ...step, deviceRules })) as {
        process: { capabilities: { bounding: string[] } }
      }
      return config.process.capabilities.bounding.includes('CAP_MKNOD')
    }
    assert.equal([bounding(true), bounding(false)], [true, false])
  })

  const environments: Record<string, [env: string[], command: string, expected: string[]]> = {
    'HOME and PATH that are given': [['PATH=/p', 'HOME=/h'], 'a', ['PATH=/p', 'HOME=/h']],
    'no PATH where the command needs none': [[], '/bin/a', ['HOME=/home/u']],
  }
  for (const [what, [env, command, expected]] of Object.entries(environments)) {
    test(`ociConfig() keeps ${what}`, () => {
      const config = JSON.parse(ociConfig({ ...step, spec: { ...spec, env, args: [command] } })) as {
        process: { env: unknown }
      }
      assert.equal(config.process.env, expected)
    })
  }

  const logs: Record<string, [log: string, expected: string | undefined]> = {
    'an empty log': ['', undefined],
    'a warning': [line('warning', 'runc run failed: x'), undefined],
    'no JSON': ['runc run failed', undefined],
    'trouble while cleaning up': [line('error', 'Failed to remove paths: map[]'), undefined],
    'missing cgroups': [
      line('error', 'runc run failed: unable to start container process: no cgroup mount'),
      'no cgroup mount',
    ],
    'a command that is missing': [line('error', 'exec: "x": executable file not found in $PATH'), 'COMMAND_NOT_FOUND'],
    'a command that is closed': [
      line('error', 'runc run failed: exec /x: permission denied'),
      'COMMAND_NOT_EXECUTABLE',
    ],
    'a limit': [line('error', 'error setting rlimits for type RLIMIT_CPU: operation not permitted'), 'LIMIT_REFUSED'],
    'the first of several lines': [`${line('error', 'first')}\n${line('error', 'second')}\n`, 'first'],
  }
  for (const [what, [log, expected]] of Object.entries(logs)) {
    test(`readOciLog() reads ${what}`, () => {
      const failure = readOciLog(log, 'x')
      assert.is(failure?.kind === 'step' ? failure.error.code : failure?.reason, expected)
    })
  }

  test("isAnnouncement() tells a program's complaint from output of a step", () => {
    for (const text of ['runc run failed: x', 'crun: x', 'time="2026" level=error msg="x"'])
      assert.ok(isAnnouncement(Buffer.from(text)), text)
    for (const text of ['', 'make: x', 'I like runc: x y']) assert.not.ok(isAnnouncement(Buffer.from(text)), text)
  })

  test('findOciPrograms() prefers runc, takes a path, and says what is missing', async () => {
    await using dir = await tempDir()
    for (const name of ['crun', 'runc', 'plain'])
      writeFileSync(join(dir.path, name), '', { mode: name === 'plain' ? 0o644 : 0o755 })
    mkdirSync(join(dir.path, 'youki'))
    const at = (name: string) => join(dir.path, name)
    assert.equal(findOciPrograms(undefined, `/nowhere:${dir.path}`), [at('runc'), at('crun')])
    assert.equal(findOciPrograms('crun', dir.path), [at('crun')])
    assert.equal(findOciPrograms(at('crun'), ''), [at('crun')])
    for (const name of ['plain', 'youki', at('none')]) {
      assert.throws(
        () => findOciPrograms(name, dir.path),
        (error: unknown) => hasCode(error, 'RUNTIME_UNAVAILABLE') && error.message.includes(name),
      )
    }
  })

  test('createOciPrograms() goes on to the next program and remembers why', () => {
    const programs = createOciPrograms(['/a/runc', '/a/crun'])
    const first = programs.current()
    assert.equal(first, { path: '/a/runc', withoutCgroups: false })
    assert.ok(programs.failed(first, 'one'))
    assert.ok(programs.failed(first, 'one again, of another step'))
    assert.ok(programs.failed(programs.current(), 'two'))
    assert.is(programs.current().path, '/a/crun')
    assert.ok(programs.failed(programs.current(), 'three'))
    assert.throws(() => programs.current(), /runc: one; runc without cgroups: two; crun: three/)
  })

  test('createOciPrograms() keeps a program that has worked', () => {
    const programs = createOciPrograms(['/a/crun'])
    programs.worked(programs.current())
    assert.not.ok(programs.failed(programs.current(), 'once'))
    assert.is(programs.current().path, '/a/crun')
  })

  test('checkProgram() knows what the kernel executes', async () => {
    await using dir = await tempDir()
    const file = (name: string, content: string | Buffer) => {
      writeFileSync(join(dir.path, name), content)
      return join(dir.path, name)
    }
    for (const [name, content] of [
      ['loop', '#! /bin/sh -e\n'],
      ['relative', '#!loop\n'],
    ] as const) {
      checkProgram('x', file(name, content), dir.path)
    }
    checkProgram('node', process.execPath, '/')
    const bad: [content: string | Buffer, code: string][] = [
      ['', 'COMMAND_NOT_EXECUTABLE'],
      ['echo', 'COMMAND_NOT_EXECUTABLE'],
      ['#!', 'COMMAND_NOT_EXECUTABLE'],
      ['\x7fELF', 'COMMAND_NOT_EXECUTABLE'],
      ['#!/no/such', 'COMMAND_NOT_FOUND'],
    ]
    for (const [index, [content, code]] of bad.entries()) {
      assert.throws(
        () => checkProgram('x', file(`bad${index}`, content), '/'),
        (error: unknown) => hasCode(error, code),
      )
    }
  })
})
