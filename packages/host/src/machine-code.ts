/** `long run(void *calls, long flags, void *failure)`: makes a child with clone(2) and, in it, one system call after the other.
 *
 * What stands at `calls` is an array of entries of eight 64-bit words: number, six arguments, and 1 if it may fail. The child uses
 * registers only (it shares the caller's memory and stack until it executes a program); when a call that must not fail does, it
 * stores the entry's address and the result at `failure` and ends with 127. The caller gets clone's result. Position-independent;
 * assembled by GNU as from the text beside the bytes. */
const x64 = `
  f30f1efa        endbr64
  53              push rbx
  4154            push r12
  4889fb          mov rbx, rdi
  4989d4          mov r12, rdx
  4889f7          mov rdi, rsi
  31f6            xor esi, esi
  31d2            xor edx, edx
  4531d2          xor r10d, r10d
  4531c0          xor r8d, r8d
  b838000000      mov eax, 56              clone(flags, 0, 0, 0, 0)
  0f05            syscall
  4885c0          test rax, rax
  7404            je child
  415c            pop r12
  5b              pop rbx
  c3              ret
  488b03          child: mov rax, [rbx]
  488b7b08        mov rdi, [rbx+8]
  488b7310        mov rsi, [rbx+16]
  488b5318        mov rdx, [rbx+24]
  4c8b5320        mov r10, [rbx+32]
  4c8b4328        mov r8, [rbx+40]
  4c8b4b30        mov r9, [rbx+48]
  0f05            syscall
  483d01f0ffff    cmp rax, -4095
  7207            jb next
  48837b3800      cmp qword ptr [rbx+56], 0
  7406            je failed
  4883c340        next: add rbx, 64
  ebce            jmp child
  49891c24        failed: mov [r12], rbx
  4989442408      mov [r12+8], rax
  bf7f000000      mov edi, 127
  b83c000000      mov eax, 60              exit(127)
  0f05            syscall`

const arm64 = `
  5f2403d5        bti c
  e90300aa        mov x9, x0
  ea0302aa        mov x10, x2
  e00301aa        mov x0, x1
  e1031faa        mov x1, xzr
  e2031faa        mov x2, xzr
  e3031faa        mov x3, xzr
  e4031faa        mov x4, xzr
  881b80d2        mov x8, 220              clone(flags, 0, 0, 0, 0)
  010000d4        svc 0
  400000b4        cbz x0, child
  c0035fd6        ret
  280140a9        child: ldp x8, x0, [x9]
  210941a9        ldp x1, x2, [x9, 16]
  231142a9        ldp x3, x4, [x9, 32]
  251940f9        ldr x5, [x9, 48]
  010000d4        svc 0
  1ffc3fb1        cmn x0, 4095
  63000054        b.lo next
  211d40f9        ldr x1, [x9, 56]
  610000b4        cbz x1, failed
  29010191        next: add x9, x9, 64
  f6ffff17        b child
  490100a9        failed: stp x9, x0, [x10]
  e00f80d2        mov x0, 127
  a80b80d2        mov x8, 93               exit(127)
  010000d4        svc 0`

/** The code for a `process.arch`. */
export function spawnCode(arch: string): Uint8Array | undefined {
  const listing = arch === 'x64' ? x64 : arch === 'arm64' ? arm64 : undefined
  return listing === undefined ? undefined : listingBytes(listing)
}

/** The bytes that stand first in each line. */
export function listingBytes(listing: string): Uint8Array {
  const hex = listing
    .trim()
    .split('\n')
    .map((line) => line.trim().split(' ')[0])
  return Buffer.from(hex.join(''), 'hex')
}
