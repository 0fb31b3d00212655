import micromatch from 'micromatch'
import { ParseError } from '../errors.js'
import { type GlobItem, globItems } from './match-glob.js'

/** Tells whether a path matches a cleaned pattern. */
export type PathTest = (path: string) => boolean

/** Patterns that micromatch reads exactly as Docker does: single stars between plain characters.
 * Elsewhere the two differ: `a**` and `**a` cross directories here, parentheses and braces are plain characters,
 * brackets have Go's syntax, and `?` is one character however many UTF-16 units it has. */
const plainStars = /^(?=.*\*)(?!.*\*\*)[\w\-./ *]+$/
const micromatchOptions = { dot: true, nobrace: true, noext: true, nonegate: true, strictSlashes: true }

/** Compiles a pattern, by the rules of moby/patternmatcher: `*` and `?` stay within a directory, `**` crosses them.
 * @throws {ParseError} `PATTERN_INVALID` */
export function compilePattern(pattern: string): PathTest {
  if (!/[*?[\]\\]/.test(pattern)) return (path) => path === pattern
  return literalEnd(pattern) ?? regexpTest(pattern)
}

/** `dir/**` is a prefix, `**` and a name a suffix: cheaper than a regular expression. */
function literalEnd(pattern: string): PathTest | undefined {
  const plain = (text: string): boolean => !/[*?[\]\\]/.test(text)
  if (pattern.startsWith('**') && plain(pattern.slice(2))) {
    const suffix = pattern.slice(2)
    const whole = suffix.startsWith('/') ? suffix.slice(1) : undefined
    return (path) => path.endsWith(suffix) || path === whole
  }
  if (pattern.endsWith('**') && plain(pattern.slice(0, -2))) {
    const prefix = pattern.slice(0, -2)
    return (path) => path.startsWith(prefix)
  }
  return undefined
}

function regexpTest(pattern: string): PathTest {
  const regexp = plainStars.test(pattern)
    ? micromatch.makeRe(pattern, micromatchOptions)
    : new RegExp(`^${regexpSource(pattern)}$`, 'su')
  return (path) => regexp.test(path)
}

function regexpSource(pattern: string): string {
  let source = ''
  let rest = pattern
  while (rest !== '') {
    const at = rest.search(/\*\*/)
    const plain = at < 0 ? rest : rest.slice(0, at)
    source += globSource(plain)
    if (at < 0) break
    rest = rest.slice(at + 2)
    if (rest.startsWith('/')) rest = rest.slice(1)
    source += rest === '' ? '.*' : '(?:.*/)?'
  }
  return source
}

function globSource(glob: string): string {
  return globItems(glob).map(itemSource).join('')
}

function itemSource(item: GlobItem): string {
  switch (item.kind) {
    case 'star':
      return '[^/]*'
    case 'any':
      return '[^/]'
    case 'char':
      return literal(item.char)
    case 'set':
      return `[${item.negated ? '^' : ''}${item.ranges.map(rangeSource).join('')}]`
  }
}

function rangeSource([low, high]: readonly [number, number]): string {
  if (low > high) throw new ParseError('PATTERN_INVALID', 'syntax error in pattern')
  return `\\u{${low.toString(16)}}-\\u{${high.toString(16)}}`
}

function literal(char: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(char) ? `\\${char}` : char
}
