import type { Abi } from './abis.js'
import { testedReturn } from './argument-tests.js'
import { argumentOffset, type Instruction, JUMP_EQUAL, LOAD, RETURN } from './bpf.js'
import { actionCode, type SeccompRule, type SeccompRules } from './profile.js'
import { type Range, search } from './search-tree.js'

/** What becomes of each call that rules name, by its number. */
export function callPrograms(
  abis: readonly Abi[],
  { rules, defaultAction }: SeccompRules,
): ReadonlyMap<number, readonly Instruction[]> {
  const otherwise = actionCode(defaultAction)
  const programs = new Map<number, readonly Instruction[]>()
  for (const [name, applying] of byName(rules, otherwise)) {
    const program = callProgram(applying, otherwise)
    for (const { numbers } of abis) {
      const number = numbers.get(name)
      if (number !== undefined) programs.set(number, program)
    }
  }
  return programs
}

/** A rule that does what is done anyway does not count, so that one with tests can refine the default. */
function byName(rules: readonly SeccompRule[], otherwise: number): Map<string, SeccompRule[]> {
  const out = new Map<string, SeccompRule[]>()
  for (const rule of rules) {
    if (actionCode(rule) === otherwise) continue
    for (const name of rule.names) {
      const group = out.get(name)
      if (group) group.push(rule)
      else out.set(name, [rule])
    }
  }
  return out
}

function callProgram(rules: readonly SeccompRule[], otherwise: number): readonly Instruction[] {
  const whatever = rules.find(({ args }) => args.length === 0)
  if (whatever) return [{ code: RETURN, value: actionCode(whatever) }]
  const set = smallNumbers(rules)
  if (set) return searchArgument(set, actionCode(rules[0] ?? { action: '' }), otherwise)
  const strictest = rules.toSorted((a, b) => signed(actionCode(a)) - signed(actionCode(b)))
  const tested = strictest.flatMap((rule) => testedReturn(rule.args, actionCode(rule)))
  return [...tested, { code: RETURN, value: otherwise }]
}

/** A set of numbers of 32 bits that one argument may have. */
interface NumberSet {
  readonly index: number
  /** From `first` to `last`, both within. */
  readonly spans: readonly (readonly [first: number, last: number])[]
}

const fewest = 3

/** What rules that only differ in the value of one argument, as those for socket(2), say together: it is found by halving, instead of
 * by one test after the other. */
function smallNumbers(rules: readonly SeccompRule[]): NumberSet | undefined {
  const [first] = rules
  const index = first?.args[0]?.index
  if (rules.length < fewest || first === undefined || index === undefined) return undefined
  const spans: [number, number][] = []
  for (const { args, action, errnoRet } of rules) {
    const [test] = args
    if (args.length !== 1 || test?.index !== index || test.value > 0xffffffffn) return undefined
    if (action !== first.action || errnoRet !== first.errnoRet) return undefined
    const value = Number(test.value)
    if (test.op === 'SCMP_CMP_EQ') spans.push([value, value])
    else if (test.op === 'SCMP_CMP_LT' && value > 0) spans.push([0, value - 1])
    else return undefined
  }
  return { index, spans }
}

function searchArgument({ index, spans }: NumberSet, action: number, otherwise: number): readonly Instruction[] {
  const no: Instruction[] = [{ code: RETURN, value: otherwise }]
  const yes: Instruction[] = [{ code: RETURN, value: action }]
  const ranges: Range[] = [{ start: 0, program: no }]
  let free = 0
  for (const [first, last] of spans.toSorted((a, b) => a[0] - b[0])) {
    if (last < free) continue
    if (first > free || ranges.length === 1) ranges.push({ start: Math.max(first, free), program: yes })
    else ranges.pop()
    free = last + 1
    if (free <= 0xffffffff) ranges.push({ start: free, program: no })
  }
  const low = search(ranges)
  return [
    { code: LOAD, value: argumentOffset(index, 'high') },
    { code: JUMP_EQUAL, value: 0, yes: 1 },
    ...no,
    { code: LOAD, value: argumentOffset(index, 'low') },
    ...low,
  ]
}

/** The kernel's order of actions: KILL_PROCESS, which has the sign bit, is the strictest. */
function signed(action: number): number {
  return action | 0
}
