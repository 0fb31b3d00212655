import { type RegisterTest, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { allowedCalls } from '../dist/seccomp/allowed-calls.js'
import { compileProfile } from '../dist/seccomp/filter.js'
import { runBpf } from './bpf-machine.js'
import { ALLOW, type Arch, abis, EPERM, error, KILL, knownAbi, situation, verdict } from './seccomp-support.js'

const ENOSYS = error(38)

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
