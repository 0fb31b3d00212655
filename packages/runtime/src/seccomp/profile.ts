import type { SeccompProfile } from '@tsbuild/spec'
import { RuntimeError } from '../errors.js'
import { abiOf, type Machine, machineOf } from './abis.js'
import { type Fields, integer, list, optional, record, refuse, text, uint64 } from './profile-fields.js'

/** A comparison with an argument of a system call, 64 bits wide and unsigned. */
export interface ArgumentTest {
  readonly index: number
  readonly op: ArgumentOperator
  /** For `SCMP_CMP_MASKED_EQ` the mask, and `valueTwo` what the masked argument has to be. */
  readonly value: bigint
  readonly valueTwo: bigint
}

const operators = ['NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ'].map((name) => `SCMP_CMP_${name}`)
export type ArgumentOperator = `SCMP_CMP_${'NE' | 'LT' | 'LE' | 'EQ' | 'GE' | 'GT' | 'MASKED_EQ'}`

/** What the kernel does with a call; `SCMP_ACT_ERRNO` and `SCMP_ACT_TRACE` go with a number. */
export interface SeccompAction {
  readonly action: string
  readonly errnoRet?: number
}

export interface SeccompRule extends SeccompAction {
  readonly names: readonly string[]
  /** All have to hold. */
  readonly args: readonly ArgumentTest[]
}

/** A profile for one machine and set of capabilities: as the OCI runtime spec has it (config-linux.md "Seccomp"). */
export interface SeccompRules {
  readonly defaultAction: SeccompAction
  /** libseccomp's names, the machine's own first. */
  readonly architectures: readonly string[]
  /** `undefined` where the profile says nothing. */
  readonly flags?: readonly string[]
  readonly rules: readonly SeccompRule[]
}

/** What the rules of a profile depend on. */
export interface SeccompSituation {
  /** A `process.arch`. */
  readonly arch: string
  /** Names with `CAP_`: those that programs may get. */
  readonly capabilities: readonly string[]
  readonly kernel: readonly [major: number, minor: number]
}

const actions: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_ERRNO: 0x00050000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
}
const EPERM = 1
const flagBits: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 1,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
}

/** The rules of a profile that hold in a situation.
 * @throws {RuntimeError} `SECCOMP_PROFILE_INVALID` */
export function resolveProfile(profile: SeccompProfile, situation: SeccompSituation): SeccompRules {
  const machine = machineOf(situation.arch)
  if (!machine) {
    throw new RuntimeError('SECCOMP_PROFILE_INVALID', `Cannot filter system calls on "${situation.arch}": not known`)
  }
  const top = record(profile, 'the profile')
  if (top.listenerPath !== undefined) refuse('listenerPath', 'nothing here answers notifications')
  const flags = optional(top.flags, (value) => list(value, 'flags').map((flag) => knownFlag(flag)))
  return {
    defaultAction: actionOf(top.defaultAction, top.defaultErrnoRet, 'defaultAction'),
    architectures: architecturesOf(top, machine),
    ...(flags === undefined ? {} : { flags }),
    rules: list(top.syscalls ?? [], 'syscalls').flatMap((rule, index) => {
      const where = `syscalls[${index}]`
      const fields = record(rule, where)
      return holds(fields, where, machine, situation) ? rulesOf(fields, where) : []
    }),
  }
}

/** `SECCOMP_RET_*` of an action (linux/seccomp.h). */
export function actionCode({ action, errnoRet = 0 }: SeccompAction): number {
  return ((actions[action] ?? 0) | errnoRet) >>> 0
}

/** The flags argument of seccomp(2); by default the mitigation of speculative store bypass is left as it is. */
export function filterFlags({ flags }: SeccompRules): number {
  if (flags === undefined) return flagBits.SECCOMP_FILTER_FLAG_SPEC_ALLOW ?? 0
  return flags.reduce((bits, flag) => bits | (flagBits[flag] ?? 0), 0)
}

function knownFlag(flag: unknown): string {
  const name = text(flag, 'flags')
  if (!Object.hasOwn(flagBits, name)) refuse('flags', `there is no flag "${name}"`)
  return name
}

function actionOf(name: unknown, errno: unknown, where: string): SeccompAction {
  const action = text(name, where)
  if (action === 'SCMP_ACT_NOTIFY') refuse(where, 'nothing here answers notifications')
  if (!Object.hasOwn(actions, action)) refuse(where, `there is no action "${action}"`)
  if (action !== 'SCMP_ACT_ERRNO' && action !== 'SCMP_ACT_TRACE') return { action }
  return { action, errnoRet: errno === undefined || errno === null ? EPERM : integer(errno, where, 0xffff) }
}

function architecturesOf({ archMap, architectures }: Fields, { native, runs }: Machine): string[] {
  const named = optional(architectures, (value) => list(value, 'architectures'))
  const mapped = optional(archMap, (value) => list(value, 'archMap'))
  if (named?.length && mapped?.length) refuse('archMap', '"architectures" is there, too')
  const entry = mapped?.map((item) => record(item, 'archMap')).find(({ architecture }) => architecture === native)
  const more = entry ? list(entry.subArchitectures ?? [], 'archMap') : (named ?? [])
  const names = more.map((item) => text(item, 'architectures'))
  for (const name of names) if (!/^SCMP_ARCH_\w+$/.test(name)) refuse('architectures', `"${name}" is none`)
  const usable = names.filter((name) => {
    const abi = abiOf(name)
    return abi !== undefined && runs(abi)
  })
  return [...new Set([native, ...usable])]
}

function holds(fields: Fields, where: string, machine: Machine, { capabilities, kernel }: SeccompSituation): boolean {
  const conditions = (name: string) => {
    const { arches, caps, minKernel } = record(fields[name] ?? {}, `${where}.${name}`)
    return {
      arches: list(arches ?? [], `${where}.${name}.arches`),
      caps: list(caps ?? [], `${where}.${name}.caps`),
      newEnough: optional(minKernel, (value) => atLeast(kernel, text(value, `${where}.${name}.minKernel`))),
    }
  }
  const has = (capability: unknown) => capabilities.includes(String(capability))
  const { arches, caps, newEnough } = conditions('includes')
  const excludes = conditions('excludes')
  if (excludes.arches.includes(machine.go) || excludes.caps.some(has) || excludes.newEnough === true) return false
  return (arches.length === 0 || arches.includes(machine.go)) && caps.every(has) && newEnough !== false
}

function atLeast([major, minor]: readonly [number, number], version: string): boolean {
  const [, wanted, least] = /^(\d+)\.(\d+)$/.exec(version) ?? refuse('minKernel', `"${version}" is no version`)
  return major > Number(wanted) || (major === Number(wanted) && minor >= Number(least))
}

function rulesOf(fields: Fields, where: string): SeccompRule[] {
  const { name, names, action, errnoRet } = fields
  if (name !== undefined && names !== undefined) refuse(where, 'it has both "name" and "names"')
  const all = name === undefined ? list(names ?? [], `${where}.names`) : [name]
  const rule = { names: all.map((item) => text(item, `${where}.names`)), ...actionOf(action, errnoRet, where) }
  const args = list(fields.args ?? [], `${where}.args`).map((item) => argumentTest(item, `${where}.args`))
  // As in runc: tests of one argument are alternatives.
  const alternatives = new Set(args.map(({ index }) => index)).size < args.length
  return alternatives ? args.map((test) => ({ ...rule, args: [test] })) : [{ ...rule, args }]
}

function argumentTest(item: unknown, where: string): ArgumentTest {
  const { index, value, valueTwo, op } = record(item, where)
  const operator = text(op, where)
  if (!operators.includes(operator)) refuse(where, `there is no operator "${operator}"`)
  return {
    index: integer(index, where, 5),
    op: operator as ArgumentOperator,
    value: uint64(value ?? 0, where),
    valueTwo: uint64(valueTwo ?? 0, where),
  }
}
