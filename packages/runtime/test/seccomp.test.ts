import { existsSync, readFileSync } from 'node:fs'
import type { SeccompProfile } from '@tsbuild/spec'
import { type RegisterTest, tests } from '@tsbuild/testkit'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { defaultCapabilities } from '../dist/capabilities.js'
import { type Abi, abiOf } from '../dist/seccomp/abis.js'
import { allowedCalls } from '../dist/seccomp/allowed-calls.js'
import { compileProfile, filterFor } from '../dist/seccomp/filter.js'
import type { SeccompSituation } from '../dist/seccomp/profile.js'
import { runBpf } from './bpf-machine.js'

const ALLOW = 0x7fff0000
const KILL = 0x80000000
const LOG = 0x7ffc0000
const error = (errno: number) => 0x50000 | errno
const EPERM = error(1)
const ENOSYS = error(38)

const abis = {
  x64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  arm64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
} as const
type Arch = keyof typeof abis

const situation = (arch: Arch, more: Partial<SeccompSituation> = {}): SeccompSituation => ({
  arch,
  capabilities: defaultCapabilities,
  kernel: [6, 1],
  ...more,
})

function knownAbi(name: string): Abi {
  const abi = abiOf(name)
  if (!abi) throw new Error(`no ABI ${name}`)
  return abi
}

/** What becomes of a call, by names. */
function verdict(program: Uint8Array, abi: string, name: string, args: readonly bigint[] = []): number {
  const { audit, numbers } = knownAbi(abi)
  const number = numbers.get(name)
  if (number === undefined) throw new Error(`${abi} has no ${name}`)
  return runBpf(program, { audit, number, args }).result
}

const allow = (names: string[], more: object = {}) => ({ names, action: 'SCMP_ACT_ALLOW', ...more })
const profile = (...syscalls: object[]): SeccompProfile => ({ defaultAction: 'SCMP_ACT_ERRNO', syscalls })

tests('compileProfile(), default', (test) => {
  for (const arch of ['x64', 'arm64'] as const) {
    for (const abi of abis[arch]) defaultTests(test, arch, abi)

    test(`compileProfile() ends programs of another architecture, ${arch}`, () => {
      const program = compileProfile('default', situation(arch))
      const other = arch === 'x64' ? 0xc00000b7 : 0xc000003e
      for (const audit of [other, 0, 0xffffffff]) assert.is(runBpf(program, { audit, number: 0 }).result, KILL)
    })

    test(`compileProfile() makes a short program, and finds every call in a few steps, ${arch}`, () => {
      const program = compileProfile('default', situation(arch))
      assert.ok(program.length / 8 < 1000, `${program.length / 8} instructions`)
      for (const abi of abis[arch]) {
        const { audit, numbers } = knownAbi(abi)
        for (const number of numbers.values()) assert.ok(runBpf(program, { audit, number }).steps < 40)
      }
    })
  }

  test('compileProfile() refuses numbers that no call has', () => {
    const program = compileProfile('default', situation('x64'))
    for (const number of [700, 0x3fffffff, 0x40000000 + 700, 0x7fffffff, 0xffffffff]) {
      assert.is(runBpf(program, { audit: 0xc000003e, number }).result, EPERM, String(number))
    }
  })
})

function defaultTests(test: RegisterTest, arch: Arch, abi: string): void {
  const { numbers } = knownAbi(abi)
  const names = [...numbers.keys()]
  const always = new Set(allowedCalls.split(/\s+/).filter(Boolean))
  const conditional = new Set(['clone', 'clone3', 'socket', 'personality'])
  const special: Record<string, string[]> = {
    SCMP_ARCH_X86_64: ['arch_prctl', 'modify_ldt'],
    SCMP_ARCH_X86: ['arch_prctl', 'modify_ldt'],
    SCMP_ARCH_X32: ['arch_prctl', 'modify_ldt'],
    SCMP_ARCH_AARCH64: [],
    SCMP_ARCH_ARM: [
      'arm_fadvise64_64',
      'arm_sync_file_range',
      'sync_file_range2',
      'breakpoint',
      'cacheflush',
      'set_tls',
    ],
  }
  const more = new Set([...(special[abi] ?? []), 'ptrace', 'process_vm_readv', 'process_vm_writev', 'chroot'])

  test(`compileProfile() allows Docker's calls and refuses the others, ${abi}`, () => {
    const program = compileProfile('default', situation(arch))
    for (const name of names) {
      if (conditional.has(name)) continue
      assert.is(verdict(program, abi, name), always.has(name) || more.has(name) ? ALLOW : EPERM, name)
    }
  })

  test(`compileProfile() looks at the arguments of clone, socket and personality, ${abi}`, () => {
    const program = compileProfile('default', situation(arch))
    const cases: [string, bigint, number][] = [
      ['clone', 0x11n, ALLOW],
      ['clone', 0x3d0f00n, ALLOW],
      ...[0x20000n, 0x2000000n, 0x4000000n, 0x8000000n, 0x10000000n, 0x20000000n, 0x40000000n].map(
        (flag): [string, bigint, number] => ['clone', flag | 17n, EPERM],
      ),
      ['clone3', 0n, ENOSYS],
      ...[0n, 1n, 2n, 10n, 11n, 13n, 16n, 17n, 18n, 31n, 33n, 39n, 45n].map((family): [string, bigint, number] => [
        'socket',
        family,
        ALLOW,
      ]),
      ...[12n, 19n, 20n, 23n, 25n, 34n, 37n, 38n, 40n, 46n, 0x100000002n, (1n << 64n) - 1n].map(
        (family): [string, bigint, number] => ['socket', family, EPERM],
      ),
      ...[0n, 8n, 0x20000n, 0x20008n, 0xffffffffn].map((kind): [string, bigint, number] => [
        'personality',
        kind,
        ALLOW,
      ]),
      ...[1n, 9n, 0x40000n, 0x400000n, 0x100000000n].map((kind): [string, bigint, number] => [
        'personality',
        kind,
        EPERM,
      ]),
    ]
    for (const [name, argument, expected] of cases) {
      assert.is(verdict(program, abi, name, [argument]), expected, `${name} ${argument}`)
    }
  })

  test(`compileProfile() allows more with capabilities, ${abi}`, () => {
    const cases: [string, string][] = [
      ['CAP_SYS_ADMIN', 'mount'],
      ['CAP_SYS_ADMIN', 'unshare'],
      ['CAP_SYS_ADMIN', 'clone3'],
      ['CAP_SYS_ADMIN', 'bpf'],
      ['CAP_BPF', 'bpf'],
      ['CAP_PERFMON', 'perf_event_open'],
      ['CAP_DAC_READ_SEARCH', 'open_by_handle_at'],
      ['CAP_SYS_BOOT', 'reboot'],
      ['CAP_SYS_MODULE', 'finit_module'],
      ['CAP_SYS_PACCT', 'acct'],
      ['CAP_SYS_PTRACE', 'kcmp'],
      ['CAP_SYS_TIME', 'settimeofday'],
      ['CAP_SYS_TTY_CONFIG', 'vhangup'],
      ['CAP_SYS_NICE', 'mbind'],
      ['CAP_SYSLOG', 'syslog'],
    ]
    for (const [capability, name] of cases) {
      const without = compileProfile('default', situation(arch))
      const program = compileProfile('default', situation(arch, { capabilities: [capability] }))
      assert.is.not(verdict(without, abi, name), ALLOW, name)
      assert.is(verdict(program, abi, name), ALLOW, `${name} with ${capability}`)
      assert.is(verdict(program, abi, 'chroot'), EPERM, 'chroot without CAP_SYS_CHROOT')
    }
    const admin = compileProfile('default', situation(arch, { capabilities: ['CAP_SYS_ADMIN'] }))
    assert.is(verdict(admin, abi, 'clone', [0x10000000n]), ALLOW)
  })

  test(`compileProfile() forbids tracing before Linux 4.8, ${abi}`, () => {
    assert.is(verdict(compileProfile('default', situation(arch, { kernel: [4, 7] })), abi, 'ptrace'), EPERM)
    assert.is(verdict(compileProfile('default', situation(arch, { kernel: [4, 8] })), abi, 'ptrace'), ALLOW)
    assert.is(verdict(compileProfile('default', situation(arch, { kernel: [10, 0] })), abi, 'ptrace'), ALLOW)
  })
}

tests('compileProfile(), numbers', (test) => {
  const known: [string, string, number][] = [
    ['SCMP_ARCH_X86_64', 'read', 0],
    ['SCMP_ARCH_X86_64', 'execve', 59],
    ['SCMP_ARCH_X86_64', 'openat', 257],
    ['SCMP_ARCH_X86_64', 'uretprobe', 335],
    ['SCMP_ARCH_X86_64', 'memfd_secret', 447],
    ['SCMP_ARCH_X86', 'socketcall', 102],
    ['SCMP_ARCH_X86', 'socket', 359],
    ['SCMP_ARCH_X32', 'read', 0x40000000],
    ['SCMP_ARCH_X32', 'execve', 0x40000208],
    ['SCMP_ARCH_AARCH64', 'execve', 221],
    ['SCMP_ARCH_AARCH64', 'openat', 56],
    ['SCMP_ARCH_AARCH64', 'rseq', 293],
    ['SCMP_ARCH_ARM', 'execve', 11],
    ['SCMP_ARCH_ARM', 'set_tls', 0xf0005],
    ...Object.values(abis)
      .flat()
      .filter((abi) => abi !== 'SCMP_ARCH_X32')
      .flatMap((abi): [string, string, number][] => [
        [abi, 'clone3', 435],
        [abi, 'mseal', 462],
      ]),
  ]
  test('abiOf() has the numbers of the kernel', () => {
    for (const [abi, name, number] of known) assert.is(abiOf(abi)?.numbers.get(name), number, `${abi} ${name}`)
  })

  const headers = { SCMP_ARCH_X86_64: 'unistd_64.h', SCMP_ARCH_X86: 'unistd_32.h' }
  for (const [abi, header] of Object.entries(headers)) {
    const path = `/usr/include/x86_64-linux-gnu/asm/${header}`
    test(
      `abiOf() agrees with this machine's ${header}`,
      () => {
        const lines = readFileSync(path, 'utf8').matchAll(/^#define __NR_(\w+) (\d+)$/gm)
        for (const [, name = '', number] of lines) assert.is(abiOf(abi)?.numbers.get(name), Number(number), name)
      },
      { skip: !existsSync(path) && 'needs linux-libc-dev on x86-64' },
    )
  }
})

tests('compileProfile(), rules', (test) => {
  const wide = fc.oneof(
    fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    fc.constantFrom(0n, 1n, 0xffffffffn, 0x100000000n, 0x1ffffffffn, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n),
  )
  const meaning: Record<string, (argument: bigint, value: bigint, two: bigint) => boolean> = {
    SCMP_CMP_NE: (argument, value) => argument !== value,
    SCMP_CMP_LT: (argument, value) => argument < value,
    SCMP_CMP_LE: (argument, value) => argument <= value,
    SCMP_CMP_EQ: (argument, value) => argument === value,
    SCMP_CMP_GE: (argument, value) => argument >= value,
    SCMP_CMP_GT: (argument, value) => argument > value,
    SCMP_CMP_MASKED_EQ: (argument, value, two) => (argument & value) === two,
  }
  for (const [op, holds] of Object.entries(meaning)) {
    test(`compileProfile() compares 64 bits with ${op}`, () => {
      fc.assert(
        fc.property(wide, wide, wide, fc.nat(5), (value, two, other, index) => {
          const masked = two & value
          const args = [{ index, op, value: String(value), valueTwo: String(masked) }]
          const program = compileProfile(profile(allow(['read'], { args })), situation('x64'))
          for (const argument of [value, value + 1n, value - 1n, value ^ (1n << 32n), two, masked, other]) {
            const given = BigInt.asUintN(64, argument)
            const all = [1n, 2n, 3n, 4n, 5n, 6n].with(index, given)
            const expected = holds(given, value, masked) ? ALLOW : EPERM
            if (verdict(program, 'SCMP_ARCH_X86_64', 'read', all) !== expected) return false
          }
          return true
        }),
        { numRuns: 60 },
      )
    })
  }

  test('compileProfile() finds small numbers by halving as it would one by one', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(60), { minLength: 3 }), fc.nat(70), (values, argument) => {
        const op = 'SCMP_CMP_EQ'
        const rules = values.map((value) => allow(['read'], { args: [{ index: 1, value, op }] }))
        const below = allow(['read'], { args: [{ index: 1, value: 5, op: 'SCMP_CMP_LT' }] })
        const program = compileProfile(profile(...rules, below), situation('arm64'))
        const expected = argument < 5 || values.includes(argument) ? ALLOW : EPERM
        return verdict(program, 'SCMP_ARCH_AARCH64', 'read', [0n, BigInt(argument)]) === expected
      }),
    )
  })

  test('compileProfile() takes tests of different arguments together and of one as alternatives', () => {
    const at = (index: number, value: number) => ({ index, value, op: 'SCMP_CMP_EQ' })
    const both = compileProfile(profile(allow(['read'], { args: [at(0, 1), at(1, 2)] })), situation('x64'))
    assert.is(verdict(both, 'SCMP_ARCH_X86_64', 'read', [1n, 2n]), ALLOW)
    assert.is(verdict(both, 'SCMP_ARCH_X86_64', 'read', [1n, 3n]), EPERM)
    const either = compileProfile(profile(allow(['read'], { args: [at(0, 1), at(0, 2)] })), situation('x64'))
    assert.is(verdict(either, 'SCMP_ARCH_X86_64', 'read', [1n]), ALLOW)
    assert.is(verdict(either, 'SCMP_ARCH_X86_64', 'read', [2n]), ALLOW)
    assert.is(verdict(either, 'SCMP_ARCH_X86_64', 'read', [3n]), EPERM)
  })

  test('compileProfile() lets a rule without tests decide, and the strictest of the others', () => {
    const eq = (value: number) => ({ args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }] })
    const refuse = (names: string[], errnoRet: number, more: object = {}) => ({
      names,
      action: 'SCMP_ACT_ERRNO',
      errnoRet,
      ...more,
    })
    const program = compileProfile(
      profile(
        refuse(['read'], 22, eq(1)),
        allow(['read']),
        allow(['write'], { args: [{ index: 0, value: 0, op: 'SCMP_CMP_GE' }] }),
        refuse(['write'], 22, eq(1)),
        refuse(['close'], 22),
        allow(['close']),
        refuse(['open'], 1),
        allow(['open'], eq(1)),
      ),
      situation('x64'),
    )
    const of = (name: string, argument: bigint) => verdict(program, 'SCMP_ARCH_X86_64', name, [argument])
    assert.equal([of('read', 1n), of('write', 1n), of('write', 2n)], [ALLOW, error(22), ALLOW])
    assert.equal([of('close', 1n), of('open', 1n), of('open', 2n)], [error(22), ALLOW, EPERM])
  })

  test('compileProfile() gives each action its code', () => {
    const codes: Record<string, number> = {
      SCMP_ACT_KILL: 0,
      SCMP_ACT_KILL_THREAD: 0,
      SCMP_ACT_KILL_PROCESS: KILL,
      SCMP_ACT_TRAP: 0x30000,
      SCMP_ACT_ERRNO: error(7),
      SCMP_ACT_TRACE: 0x7ff00007,
      SCMP_ACT_LOG: LOG,
      SCMP_ACT_ALLOW: ALLOW,
    }
    for (const [action, code] of Object.entries(codes)) {
      const rules = profile({ names: ['read'], action, errnoRet: 7 })
      assert.is(verdict(compileProfile(rules, situation('x64')), 'SCMP_ARCH_X86_64', 'read'), code, action)
      const byDefault = { defaultAction: action, defaultErrnoRet: 7 }
      assert.is(verdict(compileProfile(byDefault, situation('x64')), 'SCMP_ARCH_X86_64', 'read'), code, action)
    }
  })

  test('compileProfile() jumps as far as it takes', () => {
    const names = [...(abiOf('SCMP_ARCH_X86_64')?.numbers.keys() ?? [])].filter((_, index) => index % 4 === 0)
    const args = [0, 1, 2, 3, 4, 5].map((index) => ({ index, value: 7, op: 'SCMP_CMP_GT' }))
    const program = compileProfile(profile(...names.map((name) => allow([name], { args }))), situation('x64'))
    assert.ok(program.length / 8 > 2000)
    const above = [8n, 8n, 8n, 8n, 8n, 8n]
    for (const name of names) {
      assert.is(verdict(program, 'SCMP_ARCH_X86_64', name, above), ALLOW)
      assert.is(verdict(program, 'SCMP_ARCH_X86_64', name, above.with(5, 7n)), EPERM)
    }
    const more = profile(
      ...names.flatMap((name) => [allow([name], { args }), allow([name], { args: [...args].reverse() })]),
    )
    assert.throws(() => compileProfile(more, situation('x64')), /the kernel takes 4096/)
  })

  test('compileProfile() knows the architectures that a profile lists, and always its own', () => {
    const rules = { defaultAction: 'SCMP_ACT_ALLOW' }
    const x86 = { audit: 0x40000003, number: 3 }
    const x32 = { audit: 0xc000003e, number: 0x40000001 }
    const native = compileProfile(rules, situation('x64'))
    assert.equal(
      [x86, x32].map((call) => runBpf(native, call).result),
      [KILL, KILL],
    )
    assert.is(runBpf(native, { audit: 0xc000003e, number: 0xffffffff }).result, ALLOW)
    const both = compileProfile({ ...rules, architectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_MIPS'] }, situation('x64'))
    assert.equal(
      [x86, x32].map((call) => runBpf(both, call).result),
      [ALLOW, KILL],
    )
    const elsewhere = compileProfile({ ...rules, architectures: ['SCMP_ARCH_X86'] }, situation('arm64'))
    assert.is(runBpf(elsewhere, x86).result, KILL)
  })

  test('compileProfile() heeds includes and excludes', () => {
    const cases: [object, boolean][] = [
      [{ includes: { caps: ['CAP_CHOWN'] } }, true],
      [{ includes: { caps: ['CAP_CHOWN', 'CAP_SYS_ADMIN'] } }, false],
      [{ includes: { arches: ['amd64', 'x32'] } }, true],
      [{ includes: { arches: ['arm64'] } }, false],
      [{ includes: { minKernel: '6.2' } }, false],
      [{ includes: { minKernel: '6.1' }, excludes: {} }, true],
      [{ excludes: { caps: ['CAP_SYS_ADMIN', 'CAP_CHOWN'] } }, false],
      [{ excludes: { caps: ['CAP_SYS_ADMIN'] } }, true],
      [{ excludes: { arches: ['amd64'] } }, false],
      [{ excludes: { minKernel: '6.0' } }, false],
      [{ includes: null, excludes: null, args: null, comment: 'x' }, true],
    ]
    for (const [more, allowed] of cases) {
      const program = compileProfile(profile(allow(['read'], more)), situation('x64'))
      assert.is(verdict(program, 'SCMP_ARCH_X86_64', 'read') === ALLOW, allowed, JSON.stringify(more))
    }
  })

  const invalid: [string, unknown, RegExp][] = [
    ['no default action', {}, /"defaultAction": it is not a text/],
    ['an unknown action', { defaultAction: 'ALLOW' }, /there is no action "ALLOW"/],
    ['notifications', { defaultAction: 'SCMP_ACT_NOTIFY' }, /nothing here answers/],
    ['a listener', { defaultAction: 'SCMP_ACT_ALLOW', listenerPath: '/x' }, /nothing here answers/],
    ['an unknown flag', { defaultAction: 'SCMP_ACT_ALLOW', flags: ['FAST'] }, /no flag "FAST"/],
    ['a list', [], /not an object/],
    ['calls that are no list', { defaultAction: 'SCMP_ACT_ALLOW', syscalls: {} }, /"syscalls": it is not a list/],
    ['a name and names', profile({ name: 'read', names: ['read'], action: 'SCMP_ACT_ALLOW' }), /both/],
    ['an unknown operator', profile(allow(['read'], { args: [{ index: 0, value: 1, op: '==' }] })), /operator/],
    ['a seventh argument', profile(allow(['read'], { args: [{ index: 6, op: 'SCMP_CMP_EQ' }] })), /0 to 5/],
    ['a negative value', profile(allow(['read'], { args: [{ index: 0, value: -1, op: 'SCMP_CMP_EQ' }] })), /64 bits/],
    [
      'a rounded value',
      profile(allow(['read'], { args: [{ index: 0, value: 2 ** 60, op: 'SCMP_CMP_EQ' }] })),
      /rounded/,
    ],
    [
      '65 bits',
      profile(allow(['read'], { args: [{ index: 0, value: String(1n << 64n), op: 'SCMP_CMP_EQ' }] })),
      /64 bits/,
    ],
    ['an errno of 17 bits', profile({ names: ['read'], action: 'SCMP_ACT_ERRNO', errnoRet: 65536 }), /65535/],
    ['a kernel that is none', profile(allow(['read'], { includes: { minKernel: 'new' } })), /no version/],
    ['both ways to list architectures', { ...profile(), archMap: [{}], architectures: ['SCMP_ARCH_X86'] }, /too/],
    ['an architecture that is none', { ...profile(), architectures: ['amd64'] }, /"amd64" is none/],
  ]
  for (const [what, given, why] of invalid) {
    test(`compileProfile() rejects ${what}`, () => {
      try {
        compileProfile(given as SeccompProfile, situation('x64'))
      } catch (thrown) {
        assert.is((thrown as { code?: string }).code, 'SECCOMP_PROFILE_INVALID')
        assert.match((thrown as Error).message, why)
        return
      }
      assert.unreachable()
    })
  }

  test('filterFor() rejects a profile under which nothing could start, and lets a child end itself', () => {
    assert.throws(() => filterFor(profile(allow(['read'])), []), /no program can start/)
    assert.throws(() =>
      filterFor({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['execve'], action: 'SCMP_ACT_KILL' }] }, []),
    )
    const { program } = filterFor(profile(allow(['execve'])), [])
    const native = process.arch === 'x64' ? 'SCMP_ARCH_X86_64' : 'SCMP_ARCH_AARCH64'
    assert.equal(
      ['execve', 'exit', 'exit_group'].map((name) => verdict(program, native, name)),
      [ALLOW, ALLOW, EPERM],
    )
  })
})
