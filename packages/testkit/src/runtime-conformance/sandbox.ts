import { readdirSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Sandbox } from '@tsbuild/spec'
import * as assert from 'uvu/assert'
import { type BenchTest, rejection, type StepSpec } from './fixture.js'

const allow = 'SCMP_ACT_ALLOW'
const missing = missingCapability()
const device = hostDevice()

/** What `sandbox` of a process changes, and what its default is. */
export function sandboxTests(test: BenchTest): void {
  capabilityTests(test)
  seccompTests(test)
  rootTests(test)
  deviceTests(test)
}

function capabilityTests(test: BenchTest): void {
  const bounding: [Sandbox, string][] = [
    [{}, '00000000a80425fb'],
    [{ capAdd: ['NET_ADMIN'] }, '00000000a80435fb'],
    [{ capAdd: ['cap_net_admin', 'CHOWN'] }, '00000000a80435fb'],
    [{ capDrop: ['MKNOD', 'cap_net_raw'] }, '00000000a00405fb'],
    [{ capDrop: ['ALL'] }, '0000000000000000'],
    [{ capDrop: ['all'], capAdd: ['CHOWN'] }, '0000000000000001'],
    [{ capDrop: ['CHOWN'], capAdd: ['CHOWN'] }, '00000000a80425fb'],
    [{ capAdd: ['ALL'] }, ownCapabilities().toString(16).padStart(16, '0')],
    [{ capAdd: ['ALL'], capDrop: ['CHOWN'] }, (ownCapabilities() & ~1n).toString(16).padStart(16, '0')],
  ]
  for (const [sandbox, expected] of bounding) {
    test(`run() gives the step the capabilities of ${JSON.stringify(sandbox)}`, async ({ sh }) => {
      const read = 'grep -E "^Cap(Prm|Bnd)" /proc/self/status'
      assert.is((await sh(read, { sandbox })).stdout, `CapPrm:\t${expected}\nCapBnd:\t${expected}\n`)
      const user = await sh(read, { sandbox, user: 'app' })
      assert.is(user.stdout, `CapPrm:\t0000000000000000\nCapBnd:\t${expected}\n`)
    })
  }

  test('run() rejects an unknown capability with the nearest one', async ({ sh }) => {
    const error = await rejection(sh('true', { sandbox: { capAdd: ['NET_ADMIM'] } }))
    assert.is(error.code, 'CAPABILITY_UNKNOWN')
    assert.is((error as { hint?: string }).hint, 'Did you mean NET_ADMIN?')
    assert.is((await rejection(sh('true', { sandbox: { capDrop: [''] } }))).code, 'CAPABILITY_UNKNOWN')
    assert.is((await sh('echo on')).stdout, 'on\n')
  })

  test(
    'run() rejects a capability that it does not have itself',
    async ({ sh }) => {
      const error = await rejection(sh('true', { sandbox: { capAdd: [missing ?? ''] } }))
      assert.is(error.code, 'CAPABILITY_UNAVAILABLE')
    },
    { skip: missing === undefined && 'this process has every capability' },
  )

  test('run() keeps programs from gaining privileges where it is asked to', async ({ sh }) => {
    const read = 'grep NoNewPrivs /proc/self/status'
    assert.is((await sh(read)).stdout, 'NoNewPrivs:\t0\n')
    for (const user of ['root', 'app']) {
      assert.is((await sh(read, { user, sandbox: { noNewPrivileges: true } })).stdout, 'NoNewPrivs:\t1\n')
    }
  })
}

function seccompTests(test: BenchTest): void {
  const modes: [string, StepSpec, string][] = [
    ['a step', {}, '2'],
    ["a user's step", { user: 'app' }, '2'],
    ['a step without new privileges', { user: 'app', sandbox: { noNewPrivileges: true } }, '2'],
    ['a step with all capabilities', { sandbox: { capAdd: ['ALL'] } }, '2'],
    ['no unconfined step', { sandbox: { seccomp: 'unconfined' } }, '0'],
    ['no insecure step', { security: 'insecure' }, '0'],
    ['an insecure step that asks for it', { security: 'insecure', sandbox: { seccomp: 'default' } }, '2'],
  ]
  for (const [who, spec, mode] of modes) {
    test(`run() filters the system calls of ${who}`, async ({ sh }) => {
      assert.is((await sh('grep ^Seccomp: /proc/self/status', spec)).stdout, `Seccomp:\t${mode}\n`)
    })
  }

  test('run() keeps a step from making namespaces', async ({ sh }) => {
    const script = 'unshare -U true && echo made'
    assert.is((await sh(script)).stdout, '')
    assert.is((await sh(script, { user: 'app' })).stdout, '')
  })

  test('run() takes a seccomp profile', async ({ sh }) => {
    const seccomp = {
      defaultAction: allow,
      syscalls: [
        { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 },
        { names: ['rmdir', 'unlinkat'], action: 'SCMP_ACT_ERRNO', excludes: { caps: ['CAP_CHOWN'] } },
      ],
    }
    const script = 'mkdir /d; rmdir /tmp/gone'
    assert.is(
      (await sh(script, { sandbox: { seccomp } })).stderr,
      "mkdir: can't create directory '/d': No space left on device\nrmdir: '/tmp/gone': No such file or directory\n",
    )
    const { stderr } = await sh('rmdir /tmp/gone', { sandbox: { seccomp, capDrop: ['CHOWN'] } })
    assert.is(stderr, "rmdir: '/tmp/gone': Operation not permitted\n")
  })

  test('run() needs nothing of a profile but that programs can start', async ({ step }) => {
    const names = ['setgroups', 'setresgid', 'setresuid', 'prctl', 'capset', 'dup3', 'rt_sigaction', 'rt_sigprocmask']
    const seccomp = { defaultAction: allow, syscalls: [{ names, action: 'SCMP_ACT_ERRNO' }] }
    for (const user of ['root', 'app']) {
      const { status, stdout } = await step(['cat', '/etc/hostname-of-none'], { user, sandbox: { seccomp } })
      assert.equal([status.code, stdout], [1, ''])
    }
  })

  test('run() rejects a profile that is none', async ({ sh }) => {
    const error = await rejection(sh('true', { sandbox: { seccomp: { defaultAction: 'DENY' } } }))
    assert.is(error.code, 'SECCOMP_PROFILE_INVALID')
    assert.match(error.message, /no action "DENY"/)
  })
}

function rootTests(test: BenchTest): void {
  test('run() makes the root read-only and leaves mounts on it writable', async ({ sh, directory, overlay }) => {
    const root = overlay()
    const source = join(directory, 'shared')
    await mkdir(source)
    const { stdout } = await sh(
      `pwd
       for f in /f /etc/f /app/made/f /proc/sys/f; do (echo x > $f) 2>/dev/null && echo "wrote $f"; done
       for f in /dev/f /dev/shm/f /scratch/f /shared/f /dev/null; do echo x > $f || echo "not $f"; done
       mount -o remount,rw / 2>/dev/null && echo remounted
       echo end`,
      {
        root,
        cwd: '/app/made',
        sandbox: { readonlyRoot: true },
        mounts: [
          { kind: 'tmpfs', target: '/scratch' },
          { kind: 'bind', source, target: '/shared', readonly: false },
        ],
      },
    )
    assert.is(stdout, '/app/made\nend\n')
    assert.is(readFileSync(join(source, 'f'), 'utf8'), 'x\n')
    assert.equal(readdirSync(join(directory, root.upper), { recursive: true }).sort(), ['app', 'app/made', 'etc'])
  })
}

function deviceTests(test: BenchTest): void {
  test('run() keeps a step from opening devices by nodes of its own', async ({ sh, directory }) => {
    const source = join(directory, 'shared')
    await mkdir(source)
    const script = `
      for d in / /dev /dev/shm /scratch /shared; do
        mknod $d/mem c 1 1 2>/dev/null
        (: < $d/mem) 2>/dev/null && echo "opened $d/mem"
      done
      echo end`
    const mounts = [
      { kind: 'tmpfs', target: '/scratch' },
      { kind: 'bind', source, target: '/shared', readonly: false },
    ] as const
    assert.is((await sh(script, { mounts })).stdout, 'end\n')
  })

  test(
    "run() gives an insecure step all of the host's devices",
    async ({ sh }) => {
      const name = device ?? ''
      const script = `stat -c %t:%T /dev/${name}; test -c /dev/null && echo x > /dev/null && echo null`
      const { stdout } = await sh(script, { security: 'insecure', sandbox: { hostDevices: true } })
      assert.match(stdout, /^[0-9a-f]+:[0-9a-f]+\nnull\n$/)
      assert.match((await sh(script, { security: 'insecure' })).stdout, /^null\n$/)
    },
    { skip: device === undefined && 'the host has no further device' },
  )
}

function hostDevice(): string | undefined {
  const usual = new Set(['null', 'zero', 'full', 'random', 'urandom', 'tty', 'ptmx', 'console'])
  try {
    const entries = readdirSync('/dev', { withFileTypes: true })
    return entries.find((entry) => entry.isCharacterDevice() && !usual.has(entry.name))?.name
  } catch {
    return undefined
  }
}

function ownCapabilities(): bigint {
  const bits = /^CapPrm:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
  return BigInt(`0x${bits}`)
}

function missingCapability(): string | undefined {
  const names: Record<string, bigint> = { SYS_RESOURCE: 24n, SYS_MODULE: 16n, SYS_BOOT: 22n, SYS_TIME: 25n }
  return Object.keys(names).find((name) => ((ownCapabilities() >> (names[name] ?? 0n)) & 1n) === 0n)
}
