import type { SeccompProfile } from '@tsbuild/spec'
import { tests } from '@tsbuild/testkit'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { abiOf } from '../dist/seccomp/abis.js'
import { compileProfile, filterFor } from '../dist/seccomp/filter.js'
import { runBpf } from './bpf-machine.js'
import { ALLOW, EPERM, error, KILL, situation, verdict } from './seccomp-support.js'

const LOG = 0x7ffc0000
const allow = (names: string[], more: object = {}) => ({ names, action: 'SCMP_ACT_ALLOW', ...more })
const profile = (...syscalls: object[]): SeccompProfile => ({ defaultAction: 'SCMP_ACT_ERRNO', syscalls })

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
