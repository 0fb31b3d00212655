import type { Prediction, Result } from '@tsbuild/solver'
import type { Digest } from '@tsbuild/spec'

/** How long steps take that wait for one another, where others run beside them.
 * @param all inputs before their users
 * @param running the ones that take their time; the others take none */
export function longestPath<R extends Result>(
  all: readonly Prediction<R>[],
  running: readonly Prediction<R>[],
): number {
  const own = new Map(running.map(({ vertex, lastMs = 0 }) => [vertex.digest, lastMs]))
  const ends = new Map<Digest, number>()
  for (const { vertex } of all) {
    const begin = Math.max(0, ...vertex.inputs.map((input) => ends.get(input.digest) ?? 0))
    ends.set(vertex.digest, begin + (own.get(vertex.digest) ?? 0))
  }
  return Math.max(0, ...ends.values())
}
