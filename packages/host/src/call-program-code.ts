import { listingBytes } from './machine-code.js'

/** Where `callProgram` puts its list; both codes know the address. */
export const dataAddress = 0x410000
export const listAddress = dataAddress + 0x40

/** A program that makes the calls at `listAddress`, entries of eight 64-bit words: number, six arguments, and how its result is taken:
 * 0 where it must not fail, 1 where it may, 2 for a clone, whose child goes on. A call that fails and must not, and a clone in the
 * parent, store the entry's address and the result behind the first word at `dataAddress`, write these 16 bytes to the descriptor that
 * the first word names, and end with 0. Only registers are used. Assembled by llvm-mc from the text beside the bytes. */
const x64 = `
  bb40004100        mov ebx, 0x410040
  41bc00004100      mov r12d, 0x410000
  488b03            loop: mov rax, [rbx]
  488b7b08          mov rdi, [rbx+8]
  488b7310          mov rsi, [rbx+16]
  488b5318          mov rdx, [rbx+24]
  4c8b5320          mov r10, [rbx+32]
  4c8b4328          mov r8, [rbx+40]
  4c8b4b30          mov r9, [rbx+48]
  0f05              syscall
  48837b3801        cmp qword ptr [rbx+56], 1
  7411              je next
  770a              ja fork
  483d01f0ffff      cmp rax, -4095
  7207              jb next
  eb0b              jmp report
  4885c0            fork: test rax, rax
  7506              jnz report
  4883c340          next: add rbx, 64
  ebc5              jmp loop
  49895c2408        report: mov [r12+8], rbx
  4989442410        mov [r12+16], rax
  498b3c24          mov rdi, [r12]
  498d742408        lea rsi, [r12+8]
  ba10000000        mov edx, 16
  b801000000        mov eax, 1               write
  0f05              syscall
  31ff              xor edi, edi
  b83c000000        mov eax, 60              exit(0)
  0f05              syscall`

const arm64 = `
  090880d2          movz x9, 0x40
  2908a0f2          movk x9, 0x41, lsl 16
  2a08a0d2          movz x10, 0x41, lsl 16
  280140a9          loop: ldp x8, x0, [x9]
  210941a9          ldp x1, x2, [x9, 16]
  231142a9          ldp x3, x4, [x9, 32]
  251940f9          ldr x5, [x9, 48]
  010000d4          svc 0
  2b1d40f9          ldr x11, [x9, 56]
  7f0500f1          cmp x11, 1
  c0000054          b.eq next
  88000054          b.hi fork
  1ffc3fb1          cmn x0, 4095
  63000054          b.lo next
  04000014          b report
  600000b5          fork: cbnz x0, report
  29010191          next: add x9, x9, 64
  f2ffff17          b loop
  498100a9          report: stp x9, x0, [x10, 8]
  400140f9          ldr x0, [x10]
  41210091          add x1, x10, 8
  020280d2          mov x2, 16
  080880d2          mov x8, 64               write
  010000d4          svc 0
  000080d2          mov x0, 0
  a80b80d2          mov x8, 93               exit(0)
  010000d4          svc 0`

/** The code for a `process.arch`. */
export function callProgramCode(arch: string): Uint8Array | undefined {
  if (arch === 'x64') return listingBytes(x64)
  return arch === 'arm64' ? listingBytes(arm64) : undefined
}
