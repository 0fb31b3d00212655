import { existsSync, readFileSync } from 'node:fs'
import { tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { abiOf } from '../dist/seccomp/abis.js'
import { abis } from './seccomp-support.js'

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
