import { farthestJump, type Instruction, JUMP, JUMP_AT_LEAST } from './bpf.js'

/** Numbers from `start` to that of the next range, and what becomes of them; the program returns on every way. */
export interface Range {
  readonly start: number
  readonly program: readonly Instruction[]
}

/** Finds the range that the accumulator is in by halving, and runs its program. `ranges` are sorted and not empty; the first one takes
 * what is below it, too. */
export function search(ranges: readonly Range[]): readonly Instruction[] {
  const middle = ranges.length >> 1
  const pivot = ranges[middle]
  if (middle === 0 || pivot === undefined) return ranges[0]?.program ?? []
  const below = search(ranges.slice(0, middle))
  const above = search(ranges.slice(middle))
  const value = pivot.start
  if (below.length <= farthestJump) return [{ code: JUMP_AT_LEAST, value, yes: below.length }, ...below, ...above]
  return [{ code: JUMP_AT_LEAST, value, no: 1 }, { code: JUMP, value: below.length }, ...below, ...above]
}
