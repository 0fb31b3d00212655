import type { BinaryDigest, Content, MountTree } from './tree.js'

/** What a pack holds, unless one file has more. */
export const packBytes = 64 * 1024 * 1024
/** Beyond this many, small packs are packed anew; twice as many as a full one needs are always fine. */
const manyPacks = 32
/** How many of many packs stay. */
const fewPacks = 16

export interface PackPlan {
  /** Which packs of the previous export stay, in order. */
  readonly kept: readonly number[]
  /** Lengths of those. */
  readonly lengths: readonly number[]
  /** Contents in them that files have, by pack and offset; packs counted as in `kept`. */
  readonly contents: readonly Content[]
  /** Contents for new packs. */
  readonly missing: readonly BinaryDigest[]
}

/** Decides which packs of an earlier export go on and what new packs hold. Packs without use go. When more than half of all bytes are
 * without use, packs that have more without use than with use are packed anew, and when there are too many packs, the small ones.
 * @param wanted what files have, in the order in which it is to be packed
 * @param isThere whether the backend still has a pack */
export function planPacks(
  previous: MountTree | undefined,
  wanted: ReadonlySet<BinaryDigest>,
  isThere: (pack: number) => boolean,
): PackPlan {
  const lengths = previous?.packs ?? []
  const there = previous?.contents.filter(({ digest, pack }) => wanted.has(digest) && isThere(pack)) ?? []
  const live = lengths.map(() => 0)
  for (const { pack, size } of there) live[pack] = (live[pack] ?? 0) + size
  const used = [...lengths.keys()].filter((pack) => (live[pack] ?? 0) > 0)
  const kept = withoutSmall(withoutWasteful(used, lengths, live), lengths, there.length < wanted.size)
  const place = new Map(kept.map((pack, at) => [pack, at]))
  const contents = there.flatMap((content) => {
    const pack = place.get(content.pack)
    return pack === undefined ? [] : [{ ...content, pack }]
  })
  const known = new Set(contents.map(({ digest }) => digest))
  return {
    kept,
    lengths: kept.map((pack) => lengths[pack] ?? 0),
    contents,
    missing: [...wanted].filter((digest) => !known.has(digest)),
  }
}

function withoutWasteful(packs: readonly number[], lengths: readonly number[], live: readonly number[]) {
  const sum = (of: readonly number[]) => packs.reduce((total, pack) => total + (of[pack] ?? 0), 0)
  if (2 * sum(live) >= sum(lengths)) return packs
  return packs.filter((pack) => 2 * (live[pack] ?? 0) >= (lengths[pack] ?? 0))
}

function withoutSmall(packs: readonly number[], lengths: readonly number[], grows: boolean): readonly number[] {
  const lengthOf = (pack: number) => lengths[pack] ?? 0
  const total = packs.reduce((sum, pack) => sum + lengthOf(pack), 0)
  const most = Math.max(manyPacks, 2 * Math.ceil(total / packBytes))
  if (packs.length + (grows ? 1 : 0) <= most) return packs
  const largest = [...packs].sort((a, b) => lengthOf(b) - lengthOf(a) || a - b)
  const stay = new Set(largest.slice(0, Math.max(fewPacks, Math.ceil(total / packBytes))))
  return packs.filter((pack) => stay.has(pack))
}
