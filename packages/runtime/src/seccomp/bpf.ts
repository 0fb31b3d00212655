/** One instruction of a classic BPF program (linux/filter.h); jumps count the instructions that are skipped. */
export interface Instruction {
  readonly code: number
  readonly value: number
  readonly yes?: number
  readonly no?: number
}

export const LOAD = 0x20
export const AND = 0x54
export const JUMP = 0x05
export const JUMP_EQUAL = 0x15
export const JUMP_ABOVE = 0x25
export const JUMP_AT_LEAST = 0x35
export const RETURN = 0x06

/** Offsets in `struct seccomp_data`, in bytes. */
export const numberOffset = 0
export const architectureOffset = 4
export const argumentOffset = (index: number, half: 'low' | 'high') => 16 + index * 8 + (half === 'high' ? 4 : 0)

/** The longest way that a conditional jump can go. */
export const farthestJump = 255
/** The most that the kernel takes. */
export const mostInstructions = 4096

const instructionBytes = 8

/** `struct sock_filter[]`; both machines are little-endian. */
export function encodeProgram(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * instructionBytes)
  const view = new DataView(bytes.buffer)
  for (const [index, { code, value, yes = 0, no = 0 }] of program.entries()) {
    const at = index * instructionBytes
    view.setUint16(at, code, true)
    view.setUint8(at + 2, yes)
    view.setUint8(at + 3, no)
    view.setUint32(at + 4, value >>> 0, true)
  }
  return bytes
}
