import { RuntimeError } from '../errors.js'
import { type Abi, abiOf, x32Bit } from './abis.js'
import {
  architectureOffset,
  encodeProgram,
  type Instruction,
  JUMP,
  JUMP_EQUAL,
  LOAD,
  mostInstructions,
  numberOffset,
  RETURN,
} from './bpf.js'
import { callPrograms } from './call-programs.js'
import { actionCode, type SeccompRules } from './profile.js'
import { type Range, search } from './search-tree.js'

const killProcess = 0x80000000
/** A tracer's mark for a call that is not to be made. */
const noCall = 0xffffffff

/** A classic BPF program for seccomp(2) that carries out `rules`: the architecture is looked at first (one that is not listed ends the
 * process), then the number is found by halving. Where several rules name a call, one without argument tests decides, the first such;
 * otherwise the strictest of those that hold.
 * @throws {RuntimeError} `SECCOMP_PROFILE_INVALID` when it is longer than the kernel takes */
export function compileRules(rules: SeccompRules): Uint8Array {
  const abis = rules.architectures.flatMap((name) => abiOf(name) ?? [])
  const program: Instruction[] = [{ code: LOAD, value: architectureOffset }]
  for (const audit of new Set(abis.map((abi) => abi.audit))) {
    const section = sectionOf(
      abis.filter((abi) => abi.audit === audit),
      rules,
    )
    program.push({ code: JUMP_EQUAL, value: audit, yes: 1 }, { code: JUMP, value: section.length }, ...section)
  }
  program.push({ code: RETURN, value: killProcess })
  if (program.length <= mostInstructions) return encodeProgram(program)
  throw new RuntimeError(
    'SECCOMP_PROFILE_INVALID',
    `Cannot use the seccomp profile: it makes ${program.length} instructions, the kernel takes ${mostInstructions}`,
  )
}

/** ABIs that a filter tells apart by the numbers only. */
function sectionOf(abis: readonly Abi[], rules: SeccompRules): Instruction[] {
  const programs = callPrograms(abis, rules)
  const otherwise = [{ code: RETURN, value: actionCode(rules.defaultAction) }]
  const ranges: Range[] = [{ start: 0, program: programs.get(0) ?? otherwise }]
  const add = (start: number, program: readonly Instruction[]) => {
    if (ranges.at(-1)?.start === start) ranges.pop()
    const last = ranges.at(-1)
    if (last === undefined || !same(last.program, program)) ranges.push({ start, program })
  }
  for (const number of [...programs.keys()].sort((a, b) => a - b)) {
    add(number, programs.get(number) ?? otherwise)
    add(number + 1, otherwise)
  }
  const names = abis.map(({ name }) => name)
  if (names.includes('SCMP_ARCH_X86_64') && !names.includes('SCMP_ARCH_X32')) {
    add(x32Bit, [{ code: RETURN, value: killProcess }])
    add(noCall, otherwise)
  }
  return [{ code: LOAD, value: numberOffset }, ...search(ranges)]
}

function same(a: readonly Instruction[], b: readonly Instruction[]): boolean {
  if (a === b) return true
  return (
    a.length === b.length &&
    a.every(({ code, value, yes = 0, no = 0 }, index) => {
      const other = b[index]
      return code === other?.code && value === other.value && yes === (other.yes ?? 0) && no === (other.no ?? 0)
    })
  )
}
