/** Size of a tar header, in bytes. */
export const tarBlockBytes = 512

/** Whether a block is a tar header: its checksum is the sum of its bytes with the checksum's own field as spaces (POSIX ustar). */
export function isTarHeader(block: Buffer): boolean {
  if (block.length < tarBlockBytes) return false
  const stored = /^[ \0]*([0-7]+)[ \0]*$/.exec(block.toString('latin1', 148, 156))?.[1]
  if (stored === undefined) return false
  let sum = 8 * 32
  for (const [index, byte] of block.entries()) sum += index >= 148 && index < 156 ? 0 : byte
  return sum === Number.parseInt(stored, 8)
}
