import { AND, argumentOffset, type Instruction, JUMP_ABOVE, JUMP_AT_LEAST, JUMP_EQUAL, LOAD, RETURN } from './bpf.js'
import type { ArgumentTest } from './profile.js'

/** Where a jump of a test leads: to its next instruction, behind it, or behind the whole rule. */
type Way = 'next' | 'holds' | 'fails'
type Draft = { readonly code: number; readonly value: number; readonly yes?: Way; readonly no?: Way }

/** Returns `action` where all tests hold; otherwise goes on behind its last instruction. */
export function testedReturn(tests: readonly ArgumentTest[], action: number): Instruction[] {
  const drafts = tests.map(draftOf)
  const end = drafts.reduce((sum, { length }) => sum + length, 0) + 1
  let at = 0
  const program = drafts.flatMap((draft) => {
    const behind = at + draft.length
    return draft.map(({ yes, no, ...instruction }): Instruction => {
      const here = at++
      const skip = (way: Way = 'next') => (way === 'next' ? 0 : (way === 'holds' ? behind : end) - here - 1)
      return { ...instruction, yes: skip(yes), no: skip(no) }
    })
  })
  return [...program, { code: RETURN, value: action }]
}

/** Arguments are 64 bits wide, the machine 32: the high half decides, the low one where it is equal. */
function draftOf({ index, op, value, valueTwo }: ArgumentTest): Draft[] {
  const load = (half: 'low' | 'high'): Draft => ({ code: LOAD, value: argumentOffset(index, half) })
  const low = Number(value & 0xffffffffn)
  const high = Number(value >> 32n)
  const lowTwo = Number(valueTwo & 0xffffffffn)
  const highTwo = Number(valueTwo >> 32n)
  const equal = (number: number, yes: Way, no: Way): Draft => ({ code: JUMP_EQUAL, value: number, yes, no })
  const above = (number: number, yes: Way, no: Way): Draft => ({ code: JUMP_ABOVE, value: number, yes, no })
  const atLeast = (number: number, yes: Way, no: Way): Draft => ({ code: JUMP_AT_LEAST, value: number, yes, no })
  const mask = (number: number): Draft => ({ code: AND, value: number })
  switch (op) {
    case 'SCMP_CMP_EQ':
      return [load('high'), equal(high, 'next', 'fails'), load('low'), equal(low, 'next', 'fails')]
    case 'SCMP_CMP_NE':
      return [load('high'), equal(high, 'next', 'holds'), load('low'), equal(low, 'fails', 'next')]
    case 'SCMP_CMP_GT':
      return [...highAbove(load('high'), high), load('low'), above(low, 'next', 'fails')]
    case 'SCMP_CMP_GE':
      return [...highAbove(load('high'), high), load('low'), atLeast(low, 'next', 'fails')]
    case 'SCMP_CMP_LT':
      return [...highBelow(load('high'), high), load('low'), atLeast(low, 'fails', 'next')]
    case 'SCMP_CMP_LE':
      return [...highBelow(load('high'), high), load('low'), above(low, 'fails', 'next')]
    case 'SCMP_CMP_MASKED_EQ':
      return [
        ...[load('high'), mask(high), equal(highTwo, 'next', 'fails')],
        ...[load('low'), mask(low), equal(lowTwo, 'next', 'fails')],
      ]
  }
}

function highAbove(load: Draft, value: number): Draft[] {
  return [
    load,
    { code: JUMP_ABOVE, value, yes: 'holds', no: 'next' },
    { code: JUMP_EQUAL, value, yes: 'next', no: 'fails' },
  ]
}

function highBelow(load: Draft, value: number): Draft[] {
  return [
    load,
    { code: JUMP_ABOVE, value, yes: 'fails', no: 'next' },
    { code: JUMP_EQUAL, value, yes: 'next', no: 'holds' },
  ]
}
