import { type SyscallName, syscallNumbers } from './syscall-numbers.js'

/** An argument of a system call in a child: a number, or data that is put into memory and passed by address: text as a C string,
 * bytes as they are, a list of texts as a NULL-terminated array of C strings (`argv`), a BPF program as `struct sock_fprog`. */
export type ChildArgument = number | bigint | null | string | Uint8Array | readonly string[] | BpfProgram

/** Classic BPF, eight bytes an instruction. */
export interface BpfProgram {
  readonly bpf: Uint8Array
}

/** A system call that a child makes before it executes its program. */
export interface ChildCall {
  readonly name: SyscallName
  readonly args: readonly ChildArgument[]
  /** It may fail; otherwise a failure ends the child. */
  readonly optional?: boolean
  /** For `clone` in a program of calls: the new process goes on with the list, the old one reports its id and ends. */
  readonly fork?: boolean
}

export const entryBytes = 64
const bpfInstructionBytes = 8
const pointerBytes = 8

/** How much memory the calls take, data included. */
export function callListSize(calls: readonly ChildCall[]): number {
  const data = calls.flatMap(({ args }) => args).reduce<number>((sum, argument) => sum + dataSize(argument), 0)
  return (calls.length + 1) * entryBytes + data
}

/** Lays the calls out in `memory`, which is found at `address`, as the code of `spawnCode` reads them; a final exit(127) is added. */
export function writeCallList(calls: readonly ChildCall[], memory: Uint8Array, address: bigint, arch: string): void {
  const numbers = syscallNumbers(arch)
  const words = new DataView(memory.buffer, memory.byteOffset, memory.byteLength)
  let free = (calls.length + 1) * entryBytes
  const place = (bytes: Uint8Array): bigint => {
    const at = free
    memory.set(bytes, at)
    free += align(bytes.length)
    return address + BigInt(at)
  }
  const encode = (argument: ChildArgument): bigint => {
    if (argument === null) return 0n
    if (typeof argument === 'number' || typeof argument === 'bigint') return BigInt.asUintN(64, BigInt(argument))
    if (typeof argument === 'string') return place(Buffer.from(`${argument}\0`))
    if (argument instanceof Uint8Array) return place(argument)
    if ('bpf' in argument) {
      const length = BigInt(argument.bpf.length / bpfInstructionBytes)
      return place(new Uint8Array(BigUint64Array.of(length, place(argument.bpf)).buffer))
    }
    const pointers = [...argument.map((text) => place(Buffer.from(`${text}\0`))), 0n]
    return place(new Uint8Array(BigUint64Array.from(pointers).buffer))
  }
  const end: ChildCall = { name: 'exit', args: [127] }
  for (const [index, { name, args, optional, fork }] of [...calls, end].entries()) {
    const at = index * entryBytes
    words.setBigUint64(at, BigInt(numbers?.[name] ?? 0), true)
    for (let slot = 0; slot < 6; slot++) words.setBigUint64(at + 8 + slot * 8, encode(args[slot] ?? null), true)
    words.setBigUint64(at + 56, fork ? 2n : optional ? 1n : 0n, true)
  }
}

function dataSize(argument: ChildArgument): number {
  if (argument === null || typeof argument === 'number' || typeof argument === 'bigint') return 0
  if (typeof argument === 'string') return align(Buffer.byteLength(argument) + 1)
  if (argument instanceof Uint8Array) return align(argument.length)
  if ('bpf' in argument) return align(argument.bpf.length) + 2 * pointerBytes
  return argument.reduce((sum, text) => sum + align(Buffer.byteLength(text) + 1), (argument.length + 1) * pointerBytes)
}

function align(size: number): number {
  return Math.ceil(size / 8) * 8
}
