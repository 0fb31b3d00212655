import type { ChildCall } from '@tsbuild/host'

const last = 0xffffffff

/** The calls by which a child closes all descriptors from 3 on but these. */
export function closeOtherCalls(kept: readonly number[]): ChildCall[] {
  let from = 3
  const calls: ChildCall[] = []
  for (const fd of [...kept].sort((a, b) => a - b)) {
    if (fd > from) calls.push({ name: 'close_range', args: [from, fd - 1, 0] })
    from = Math.max(from, fd + 1)
  }
  return [...calls, { name: 'close_range', args: [from, last, 0] }]
}
