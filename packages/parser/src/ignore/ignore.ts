import { ParseError } from '../errors.js'
import { trim } from '../text.js'
import { cleanPath } from './clean-path.js'
import { compilePattern, type PathTest } from './compile.js'
import { globItems } from './match-glob.js'

/** Decides which paths of a context are left out. Paths are relative, with `/` between the parts. */
export interface Ignore {
  /** Whether a pattern brings ignored paths back (`!`). */
  readonly hasExceptions: boolean
  /** Whether the path is ignored: the last pattern that matches it or a directory above it decides.
   * @throws {ParseError} `PATTERN_INVALID` for a pattern that only shows its mistake now */
  matches(path: string): boolean
  /** Whether the directory is ignored and no exception can bring back anything in it, so that a walk may leave it out. */
  canSkipDirectory(path: string): boolean
}

/** Compiles `.dockerignore` patterns; results for directories are remembered.
 * @throws {ParseError} `PATTERN_INVALID` */
export function createIgnore(patterns: readonly string[]): Ignore {
  return new PatternList(patterns.flatMap((pattern) => parsePattern(pattern) ?? []))
}

interface Pattern {
  readonly exception: boolean
  /** Per part of the path, for {@link Ignore.canSkipDirectory}. */
  readonly parts: readonly string[]
  readonly test: PathTest
}

function parsePattern(text: string): Pattern | undefined {
  const trimmed = trim(text)
  if (trimmed === '') return undefined
  const clean = cleanPath(trimmed)
  const exception = clean.startsWith('!')
  if (clean === '!') throw new ParseError('PATTERN_INVALID', 'illegal exclusion pattern: "!"')
  const pattern = exception ? clean.slice(1) : clean
  globItems(pattern)
  return { exception, parts: pattern.split('/'), test: lazily(pattern) }
}

/** Some mistakes, such as `[z-a]`, count only when a path is held against the pattern. */
function lazily(pattern: string): PathTest {
  let compiled: PathTest | undefined
  return (path) => {
    if (compiled === undefined) compiled = compilePattern(pattern)
    return compiled(path)
  }
}

/** For each pattern, whether it matches a path or a directory above it. */
type Matches = Uint8Array

class PatternList implements Ignore {
  readonly hasExceptions: boolean
  private readonly patterns: readonly Pattern[]
  private readonly directories = new Map<string, Matches>()
  private readonly partTests = new Map<string, PathTest>()

  constructor(patterns: readonly Pattern[]) {
    this.patterns = patterns
    this.hasExceptions = patterns.some((pattern) => pattern.exception)
  }

  matches(path: string): boolean {
    const above = this.above(path)
    const { patterns } = this
    let ignored = false
    for (let index = 0; index < patterns.length; index++) {
      const pattern = patterns[index] as Pattern
      if (pattern.exception === ignored && (above?.[index] === 1 || pattern.test(path))) ignored = !ignored
    }
    return ignored
  }

  canSkipDirectory(path: string): boolean {
    if (!this.matches(path)) return false
    if (!this.hasExceptions) return true
    const matches = this.directory(path)
    let last = this.patterns.length - 1
    while (last >= 0 && (this.patterns[last]?.exception || matches[last] !== 1)) last--
    const parts = path.split('/')
    return !this.patterns.slice(last + 1).some((pattern) => pattern.exception && this.mayReach(pattern, parts))
  }

  /** The matches of the directory that a path is in; none at the top. */
  private above(path: string): Matches | undefined {
    const parent = parentOf(path)
    return parent === undefined ? undefined : this.directory(parent)
  }

  private directory(path: string): Matches {
    const known = this.directories.get(path)
    if (known !== undefined) return known
    const above = this.above(path)
    const matches = new Uint8Array(this.patterns.length)
    for (const [index, pattern] of this.patterns.entries()) {
      matches[index] = above?.[index] === 1 || pattern.test(path) ? 1 : 0
    }
    if (this.directories.size >= maxRemembered) this.directories.clear()
    this.directories.set(path, matches)
    return matches
  }

  /** Whether a pattern may match something below a directory. */
  private mayReach(pattern: Pattern, parts: readonly string[]): boolean {
    for (const [index, part] of parts.entries()) {
      const wanted = pattern.parts[index]
      if (wanted === undefined || wanted.includes('**')) return true
      if (!this.partTest(wanted)(part)) return false
    }
    return true
  }

  private partTest(part: string): PathTest {
    const known = this.partTests.get(part)
    if (known !== undefined) return known
    const test = compilePattern(part)
    this.partTests.set(part, test)
    return test
  }
}

/** Memory stays bounded in a context with very many directories. */
const maxRemembered = 20_000

function parentOf(path: string): string | undefined {
  const end = path.lastIndexOf('/')
  if (end < 0) return undefined
  const above = path.slice(0, end) || '/'
  // Walks give clean paths, and most of them share their directory.
  const parent = /\/\/|\/\.|^\.|\/$/.test(above) ? cleanPath(above) : above
  return parent === '.' || parent === path ? undefined : parent
}
