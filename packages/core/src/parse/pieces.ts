import type { Dockerfile, LintWarning, StageInstruction } from '@tsbuild/parser'
import type { Piece, SentError } from './protocol.js'

/** Members of one list that one piece has at most. */
const listLimit = 256
/** Bytes of text, and pieces (each counted as so many bytes), that make up a slice. */
const sliceWeight = 48 << 10
const pieceWeight = 256
const memberWeight = 64

/** Takes a parsed Dockerfile apart, in the order in which {@link Assembler} puts it together. */
export function* piecesOf(
  { text: _text, metaArgs, stages, nodes: _nodes, directives: _directives, warnings: _warnings, ...head }: Dockerfile,
  checks: readonly LintWarning[],
  failure: SentError | undefined,
): Generator<Piece> {
  yield { kind: 'head', head }
  for (const arg of metaArgs) {
    const [instruction, more] = cut(arg)
    yield { kind: 'arg', instruction }
    yield* more
  }
  for (const { instructions, ...stage } of stages) {
    yield { kind: 'stage', stage }
    for (const one of instructions) {
      const [instruction, more] = cut<StageInstruction>(one)
      yield { kind: 'instruction', instruction }
      yield* more
    }
  }
  for (const warning of checks) yield { kind: 'warning', warning }
  if (failure !== undefined) yield { kind: 'checks-failed', error: failure }
}

/** Shortens the long lists of an instruction; the rest of them follows. */
function cut<T extends object>(instruction: T): [short: T, more: Piece[]] {
  const more: Piece[] = []
  const short: Record<string, unknown> = {}
  for (const [member, value] of Object.entries(instruction)) {
    if (!Array.isArray(value) || value.length <= listLimit) continue
    short[member] = value.slice(0, listLimit)
    for (let at = listLimit; at < value.length; at += listLimit)
      more.push({ kind: 'more', member, values: value.slice(at, at + listLimit) })
  }
  return [more.length === 0 ? instruction : { ...instruction, ...short }, more]
}

/** Gathers pieces into slices that take about as long to receive. */
export function* slicesOf(pieces: Iterable<Piece>): Generator<Piece[]> {
  let slice: Piece[] = []
  let weight = 0
  for (const piece of pieces) {
    slice.push(piece)
    weight += weightOf(piece)
    if (weight < sliceWeight) continue
    yield slice
    slice = []
    weight = 0
  }
  yield slice
}

function weightOf(piece: Piece): number {
  if (piece.kind === 'more') return pieceWeight + piece.values.length * memberWeight
  if (piece.kind !== 'instruction' && piece.kind !== 'arg') return pieceWeight
  let weight = pieceWeight + piece.instruction.source.length + piece.instruction.code.length
  for (const value of Object.values(piece.instruction)) if (Array.isArray(value)) weight += value.length * memberWeight
  return weight
}
