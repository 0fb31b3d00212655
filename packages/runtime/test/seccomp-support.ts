import { defaultCapabilities } from '../dist/capabilities.js'
import { type Abi, abiOf } from '../dist/seccomp/abis.js'
import type { SeccompSituation } from '../dist/seccomp/profile.js'
import { runBpf } from './bpf-machine.js'

export const ALLOW = 0x7fff0000
export const KILL = 0x80000000
export const error = (errno: number) => 0x50000 | errno
export const EPERM = error(1)

export const abis = {
  x64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  arm64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
} as const

export type Arch = keyof typeof abis

export const situation = (arch: Arch, more: Partial<SeccompSituation> = {}): SeccompSituation => ({
  arch,
  capabilities: defaultCapabilities,
  kernel: [6, 1],
  ...more,
})

export function knownAbi(name: string): Abi {
  const abi = abiOf(name)
  if (!abi) throw new Error(`no ABI ${name}`)
  return abi
}

/** What becomes of a call, by names. */
export function verdict(program: Uint8Array, abi: string, name: string, args: readonly bigint[] = []): number {
  const { audit, numbers } = knownAbi(abi)
  const number = numbers.get(name)
  if (number === undefined) throw new Error(`${abi} has no ${name}`)
  return runBpf(program, { audit, number, args }).result
}
