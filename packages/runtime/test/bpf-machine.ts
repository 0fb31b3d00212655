/** What a seccomp filter sees of a call. */
export interface SeenCall {
  readonly audit: number
  readonly number: number
  readonly args?: readonly bigint[]
}

/** Runs a classic BPF program as the kernel does: the returned word, and how many instructions that took. Throws for what the kernel
 * would not load or what does not end. */
export function runBpf(program: Uint8Array, { audit, number, args = [] }: SeenCall): { result: number; steps: number } {
  const data = new DataView(new ArrayBuffer(64))
  data.setUint32(0, number >>> 0, true)
  data.setUint32(4, audit >>> 0, true)
  for (const [index, value] of args.entries()) data.setBigUint64(16 + index * 8, value, true)
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength)
  let accumulator = 0
  for (let at = 0, steps = 1; ; steps++) {
    if (at * 8 >= program.length) throw new Error(`it leaves the program at ${at}`)
    const value = code.getUint32(at * 8 + 4, true)
    const jump = (holds: boolean) => {
      at += 1 + code.getUint8(at * 8 + (holds ? 2 : 3))
    }
    switch (code.getUint16(at * 8, true)) {
      case 0x20:
        accumulator = data.getUint32(value, true)
        at++
        break
      case 0x54:
        accumulator = (accumulator & value) >>> 0
        at++
        break
      case 0x05:
        at += 1 + value
        break
      case 0x15:
        jump(accumulator === value)
        break
      case 0x25:
        jump(accumulator > value)
        break
      case 0x35:
        jump(accumulator >= value)
        break
      case 0x06:
        return { result: value, steps }
      default:
        throw new Error(`unknown instruction at ${at}`)
    }
  }
}
