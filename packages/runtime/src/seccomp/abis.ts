import { arm64Calls, armCalls, laterCalls, x32Calls, x64Calls, x86Calls } from './call-numbers.js'

/** One of the ways in which a program can call the kernel. */
export interface Abi {
  /** libseccomp's name, as profiles have it. */
  readonly name: string
  /** What the kernel tells a filter (linux/audit.h, `AUDIT_ARCH_*`). */
  readonly audit: number
  readonly numbers: ReadonlyMap<string, number>
}

/** Set in every number of x32, which shares its `audit` with x86-64. */
export const x32Bit = 0x40000000

const makers: Readonly<Record<string, () => Abi>> = {
  SCMP_ARCH_X86_64: () => abi('SCMP_ARCH_X86_64', 0xc000003e, x64Calls),
  SCMP_ARCH_X86: () => abi('SCMP_ARCH_X86', 0x40000003, x86Calls),
  SCMP_ARCH_X32: () => abi('SCMP_ARCH_X32', 0xc000003e, `${x64Calls} ${x32Calls}`, x32Bit),
  SCMP_ARCH_AARCH64: () => abi('SCMP_ARCH_AARCH64', 0xc00000b7, arm64Calls),
  SCMP_ARCH_ARM: () => abi('SCMP_ARCH_ARM', 0x40000028, armCalls),
}

/** The machines that filters are made for, by `process.arch`. */
const machines: Readonly<Record<string, { readonly go: string; readonly native: string; readonly audits: number[] }>> =
  {
    x64: { go: 'amd64', native: 'SCMP_ARCH_X86_64', audits: [0xc000003e, 0x40000003] },
    arm64: { go: 'arm64', native: 'SCMP_ARCH_AARCH64', audits: [0xc00000b7, 0x40000028] },
  }

export interface Machine {
  /** Go's name, which `includes` and `excludes` of a profile go by. */
  readonly go: string
  /** libseccomp's name of the architecture itself. */
  readonly native: string
  /** Whether its kernels may run programs of this one. */
  runs(abi: Abi): boolean
}

/** @param arch a `process.arch`; `undefined` for those that we have no numbers of */
export function machineOf(arch: string): Machine | undefined {
  const machine = Object.hasOwn(machines, arch) ? machines[arch] : undefined
  return machine && { go: machine.go, native: machine.native, runs: ({ audit }) => machine.audits.includes(audit) }
}

const made = new Map<string, Abi>()

/** By libseccomp's name; `undefined` for those that neither machine runs. */
export function abiOf(name: string): Abi | undefined {
  const known = made.get(name)
  if (known) return known
  const abi = Object.hasOwn(makers, name) ? makers[name]?.() : undefined
  if (abi) made.set(name, abi)
  return abi
}

function abi(name: string, audit: number, text: string, bit = 0): Abi {
  const numbers = new Map<string, number>()
  let next = 0
  for (const word of `${text} ${laterCalls}`.split(/\s+/)) {
    if (word === '') continue
    if (word.startsWith('@')) next = Number(word.slice(1))
    else numbers.set(word, bit + next++)
  }
  return { name, audit, numbers }
}
