import { createRequire } from 'node:module'
import { HostError, syscallError } from './errors.js'
import { whileLoading } from './load-gate.js'
import { type SyscallName, syscallNumbers } from './syscall-numbers.js'

/** A path as text, or as bytes where it need not be UTF-8. */
export type Path = string | Uint8Array

export type SyscallArgument = number | bigint | Uint8Array | null

/** A C function of three integers or addresses, by its address. */
export type ForeignFunction = (a: bigint, b: bigint, c: bigint) => number

/** Makes system calls on the calling thread. */
export interface Syscaller {
  /** The result, or the negative error number. */
  raw(name: SyscallName, ...args: SyscallArgument[]): number
  /** The result. @throws {HostError} `SYSCALL_FAILED`, worded with `doing` and `thing` */
  call(name: SyscallName, doing: string, thing: Path | undefined, ...args: SyscallArgument[]): number
  /** Memory that does not belong to JavaScript, as bytes. */
  view(address: bigint, length: number): Uint8Array
  functionAt(address: bigint): ForeignFunction
}

interface Koffi {
  view(address: bigint, length: number): ArrayBuffer
  proto(result: string, parameters: string[]): unknown
  call(address: bigint, prototype: unknown, ...args: bigint[]): number
  load(path: null): { func(name: string, result: string, parameters: string[]): (...args: unknown[]) => number }
  errno(): number
}

/** `path` as the bytes of a C string. @throws {HostError} `SYSCALL_FAILED` with EINVAL where it holds a NUL */
export function cString(path: Path): Uint8Array {
  const length = typeof path === 'string' ? Buffer.byteLength(path) : path.length
  const bytes = Buffer.alloc(length + 1)
  if (typeof path === 'string') bytes.write(path)
  else bytes.set(path)
  if (bytes.indexOf(0) !== length) throw syscallError('openat', 22, 'use path', path)
  return bytes
}

/** Loads koffi (12–25 ms the first time in a process) and binds libc's `syscall`.
 * @throws {HostError} `HOST_UNSUPPORTED` */
export function createSyscaller(): Syscaller {
  const numbers = process.platform === 'linux' ? syscallNumbers(process.arch) : undefined
  if (!numbers) {
    throw new HostError(
      'HOST_UNSUPPORTED',
      `Cannot make system calls on "${process.platform}/${process.arch}": not known`,
      {
        hint: 'tsbuild runs on Linux, on x64 and arm64',
      },
    )
  }
  const { koffi, syscall } = whileLoading(() => {
    const koffi = loadKoffi()
    const pointers = Array.from({ length: 6 }, () => 'void *')
    return { koffi, syscall: koffi.load(null).func('syscall', 'long', ['long', ...pointers]) }
  })
  const raw: Syscaller['raw'] = (name, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0) => {
    const result = syscall(numbers[name], a, b, c, d, e, f)
    return result === -1 ? -koffi.errno() : result
  }
  return {
    raw,
    view: (address, length) => new Uint8Array(koffi.view(address, length)),
    functionAt(address) {
      const prototype = koffi.proto('long', ['int64_t', 'int64_t', 'int64_t'])
      return (a, b, c) => koffi.call(address, prototype, a, b, c)
    },
    call(name, doing, thing, ...args) {
      const result = raw(name, ...args)
      if (result < 0) throw syscallError(name, -result, doing, thing)
      return result
    },
  }
}

function loadKoffi(): Koffi {
  try {
    return createRequire(import.meta.url)('koffi') as Koffi
  } catch (cause) {
    throw new HostError(
      'HOST_UNSUPPORTED',
      'Cannot load the system call library "koffi": it has no binary for this system',
      {
        cause,
        hint: 'Install with optional dependencies, on x64 or arm64 with glibc or musl',
      },
    )
  }
}
