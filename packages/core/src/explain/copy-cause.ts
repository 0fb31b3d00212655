import type { Difference } from '@tsbuild/solver'
import type { MissCause } from '@tsbuild/spec'
import type { ListedPath, Listings } from '../files/listings.js'

/** What a COPY or ADD tells of a difference: the first path that is not as it was. */
export function explainCopy(
  { name, before, after }: Difference,
  listings: Pick<Listings, 'read'>,
): MissCause | undefined {
  if (!/^(?:COPY|ADD) /.test(name)) return undefined
  if (typeof before !== 'string' || typeof after !== 'string') return { kind: 'instruction' }
  const [was, is] = [listings.read(before), listings.read(after)]
  return (was && is && firstChange(name, was, is)) ?? { kind: 'content', input: name }
}

type Paths = ReadonlyMap<string, ListedPath>

/** Changed files come before new ones, and those before what is gone; a directory's own mode comes before what is in it. */
function firstChange(input: string, was: Paths, is: Paths): MissCause | undefined {
  let added: string | undefined
  for (const [path, now] of is) {
    const old = was.get(path)
    if (old === undefined) added ??= path
    else {
      const cause = changeOf(input, path, old, now)
      if (cause !== undefined) return cause
    }
  }
  if (added !== undefined) return { kind: 'added', input, path: added }
  for (const path of was.keys()) if (!is.has(path)) return { kind: 'removed', input, path }
  return undefined
}

const types: Readonly<Record<string, string>> = {
  '-': 'file',
  d: 'directory',
  l: 'link',
  c: 'character device',
  b: 'block device',
  p: 'fifo',
}

function changeOf(input: string, path: string, old: ListedPath, now: ListedPath): MissCause | undefined {
  const at = { input, path }
  if (old.type !== now.type)
    return { kind: 'type', ...at, before: types[old.type] ?? old.type, after: types[now.type] ?? now.type }
  if (old.content !== now.content) return { kind: now.type === 'l' ? 'linkTarget' : 'content', ...at }
  if (old.mode !== now.mode) return { kind: 'mode', ...at, before: old.mode, after: now.mode }
  if (old.owner !== now.owner) return { kind: 'owner', ...at, before: old.owner, after: now.owner }
  return old.xattrs === now.xattrs ? undefined : { kind: 'xattrs', ...at }
}
