/** How much of a file `elfInterpreter` wants to see. */
export const headBytes = 4096

const PT_INTERP = 3

/** Path of the loader; '' for a static program, or one whose headers are elsewhere; `undefined` where it is no ELF file. */
export function elfInterpreter(head: Buffer): string | undefined {
  if (head.length < 64 || head.toString('latin1', 0, 4) !== '\x7fELF') return undefined
  // Only the common kind is looked into: 64 bits, little-endian.
  if (head[4] !== 2 || head[5] !== 1) return ''
  const start = Number(head.readBigUInt64LE(32))
  const entryBytes = head.readUInt16LE(54)
  const count = head.readUInt16LE(56)
  for (let at = start; at < start + count * entryBytes && at + 56 <= head.length; at += entryBytes) {
    if (head.readUInt32LE(at) !== PT_INTERP) continue
    const offset = Number(head.readBigUInt64LE(at + 8))
    const size = Number(head.readBigUInt64LE(at + 32))
    return offset + size <= head.length ? head.toString('utf8', offset, offset + size).replace(/\0.*$/s, '') : ''
  }
  return ''
}
