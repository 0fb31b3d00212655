import { closeSync, writeSync } from 'node:fs'
import { type ChildCall, callListSize, entryBytes, writeCallList } from './call-list.js'
import { callProgramCode, dataAddress, listAddress } from './call-program-code.js'
import { HostError, syscallError } from './errors.js'
import type { Syscaller } from './syscaller.js'

/** What a program of calls tells before it ends early: which of its calls, and the result (a process id, or a negative error number). */
export interface CallReport {
  readonly index: number
  readonly result: number
}

/** Programs of a few hundred bytes, for processes that must hold nothing of this one. */
export interface CallProgramCalls {
  /** Makes a program that does nothing but `calls`, in a sealed file in memory: nobody can change it, not even through
   * `/proc/PID/exe`. A child runs it by `execveat(fd, '', …, AT_EMPTY_PATH)`. The descriptor is close-on-exec and the caller's.
   * @param reportFd the descriptor, in the program, that gets a 16-byte report; see `parseCallReport`
   * @throws {HostError} `SYSCALL_FAILED`, `HOST_UNSUPPORTED` */
  callProgram(calls: readonly ChildCall[], reportFd: number): number
}

const codeAddress = 0x400000
const codeOffset = 0x1000
const dataOffset = dataAddress - codeAddress
const reportBytes = 16

const MFD_CLOEXEC = 1
const MFD_ALLOW_SEALING = 2
const MFD_EXEC = 0x10
const EINVAL = 22
const F_ADD_SEALS = 1033
const allSeals = 0xf

export function callProgramCalls({ raw, call }: Syscaller): CallProgramCalls {
  const openMemory = () => {
    const name = Buffer.from('calls\0')
    const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING
    // Kernels before 6.3 do not know that flag, and do not need it.
    const fd = raw('memfd_create', name, flags | MFD_EXEC)
    if (fd === -EINVAL) return call('memfd_create', 'make a file in memory', undefined, name, flags)
    if (fd < 0) throw syscallError('memfd_create', -fd, 'make a file in memory')
    return fd
  }
  return {
    callProgram(calls, reportFd) {
      const parts = callProgramFile(calls, reportFd, process.arch)
      const fd = openMemory()
      try {
        for (const { offset, bytes } of parts) writeSync(fd, bytes, 0, bytes.length, offset)
        call('fcntl', 'seal the file', undefined, fd, F_ADD_SEALS, allSeals)
        return fd
      } catch (error) {
        closeSync(fd)
        throw error
      }
    },
  }
}

/** Reads what a program wrote to its report descriptor. */
export function parseCallReport(bytes: Uint8Array): CallReport | undefined {
  if (bytes.length < reportBytes) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, reportBytes)
  const entry = Number(view.getBigUint64(0, true))
  return { index: (entry - listAddress) / entryBytes, result: Number(view.getBigInt64(8, true)) }
}

/** The program as an ELF file: one page of code, and its list, which it writes into. */
export function callProgramFile(calls: readonly ChildCall[], reportFd: number, arch: string) {
  const code = callProgramCode(arch)
  if (!code) throw new HostError('HOST_UNSUPPORTED', `Cannot make a program for "${arch}": no code for it`)
  const header = listAddress - dataAddress
  const data = Buffer.alloc(header + callListSize(calls))
  data.writeBigUInt64LE(BigInt(reportFd), 0)
  writeCallList(calls, data.subarray(header), BigInt(listAddress), arch)
  return [
    { offset: 0, bytes: elfHeaders(arch, code.length, data.length) },
    { offset: codeOffset, bytes: code },
    { offset: dataOffset, bytes: data },
  ]
}

function elfHeaders(arch: string, codeBytes: number, dataBytes: number): Buffer {
  const elf = Buffer.alloc(64 + 3 * 56)
  elf.write('\x7fELF\x02\x01\x01', 'latin1')
  elf.writeUInt16LE(2 /* ET_EXEC */, 16)
  elf.writeUInt16LE(arch === 'x64' ? 62 : 183, 18)
  elf.writeUInt32LE(1, 20)
  elf.writeBigUInt64LE(BigInt(codeAddress + codeOffset), 24)
  elf.writeBigUInt64LE(64n, 32)
  for (const [at, value] of [64, 56, 3].entries()) elf.writeUInt16LE(value, 52 + at * 2)
  const readExecute = 5
  const readWrite = 6
  segment(elf, 0, { type: 1, flags: readExecute, offset: 0, address: codeAddress, bytes: codeOffset + codeBytes })
  segment(elf, 1, { type: 1, flags: readWrite, offset: dataOffset, address: dataAddress, bytes: dataBytes })
  // A stack that is not executable.
  segment(elf, 2, { type: 0x6474e551, flags: readWrite, offset: 0, address: 0, bytes: 0 })
  return elf
}

interface Segment {
  readonly type: number
  readonly flags: number
  readonly offset: number
  readonly address: number
  readonly bytes: number
}

function segment(elf: Buffer, index: number, { type, flags, offset, address, bytes }: Segment): void {
  const at = 64 + index * 56
  elf.writeUInt32LE(type, at)
  elf.writeUInt32LE(flags, at + 4)
  for (const [word, value] of [offset, address, address, bytes, bytes, 0x10000].entries()) {
    elf.writeBigUInt64LE(BigInt(value), at + 8 + word * 8)
  }
}
