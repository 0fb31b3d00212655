import { ParseError } from '../errors.js'

/** Go's filepath.Match on Linux: `*` is any run of characters but `/`, `?` one of them, `[a-z]` and `[^a-z]` one of a set,
 * `\` takes the next character literally. The whole name must match.
 * @throws {ParseError} `PATTERN_INVALID`, wherever in the pattern the mistake is */
export function matchGlob(pattern: string, name: string): boolean {
  return matchItems(globItems(pattern), [...name])
}

/** Whether a word has something that {@link matchGlob} treats specially. */
export function hasGlob(text: string): boolean {
  return /[*?[\\]/.test(text)
}

/** One item of a pattern. */
export type GlobItem =
  | { readonly kind: 'char'; readonly char: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'star' }
  | {
      readonly kind: 'set'
      readonly negated: boolean
      readonly ranges: readonly (readonly [low: number, high: number])[]
    }

/** @throws {ParseError} `PATTERN_INVALID` */
export function globItems(pattern: string): GlobItem[] {
  const chars = [...pattern]
  const items: GlobItem[] = []
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at] as string
    if (char === '*') items.push({ kind: 'star' })
    else if (char === '?') items.push({ kind: 'any' })
    else if (char === '[') {
      const { item, end } = readSet(chars, at + 1)
      items.push(item)
      at = end
    } else if (char === '\\') items.push({ kind: 'char', char: chars[++at] ?? malformed() })
    else items.push({ kind: 'char', char })
  }
  return items
}

function malformed(): never {
  throw new ParseError('PATTERN_INVALID', 'syntax error in pattern')
}

/** `end` is where the closing bracket stands. */
function readSet(chars: readonly string[], start: number): { readonly item: GlobItem; readonly end: number } {
  let at = start
  const negated = chars[at] === '^'
  if (negated) at++
  const ranges: [number, number][] = []
  const member = (): number => {
    let char = chars[at++]
    if (char === undefined || char === '-' || char === ']') return malformed()
    if (char === '\\') char = chars[at++] ?? malformed()
    return char.codePointAt(0) as number
  }
  while (chars[at] !== ']' || ranges.length === 0) {
    const low = member()
    if (chars[at] !== '-') ranges.push([low, low])
    else {
      at++
      ranges.push([low, member()])
    }
    if (at >= chars.length) malformed()
  }
  return { item: { kind: 'set', negated, ranges }, end: at }
}

/** Goes back only to the last star, which is enough, so the cost is at most pattern × name. */
function matchItems(items: readonly GlobItem[], name: readonly string[]): boolean {
  let item = 0
  let at = 0
  let star = -1
  let starAt = 0
  while (at < name.length) {
    const current = items[item]
    if (current?.kind === 'star') {
      star = item++
      starAt = at
    } else if (current !== undefined && matchesOne(current, name[at] as string)) {
      item++
      at++
    } else if (star >= 0 && name[starAt] !== '/') {
      item = star + 1
      at = ++starAt
    } else return false
  }
  while (items[item]?.kind === 'star') item++
  return item === items.length
}

function matchesOne(item: GlobItem, char: string): boolean {
  switch (item.kind) {
    case 'char':
      return item.char === char
    case 'any':
      return char !== '/'
    case 'set': {
      if (char === '/') return false
      const code = char.codePointAt(0) as number
      return item.ranges.some(([low, high]) => low <= code && code <= high) !== item.negated
    }
    case 'star':
      return false
  }
}
