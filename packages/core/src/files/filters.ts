import { createIgnore, type Ignore } from '@tsbuild/parser'
import { CoreError } from '../errors.js'
import { type BinaryPath, toText } from './binary-path.js'
import { globMatches } from './wildcards.js'

/** Which paths below a source are copied. */
export interface Filters {
  includes(path: BinaryPath): boolean
  excludes(path: BinaryPath): boolean
  /** Whether something below a directory that is not copied itself may be copied. */
  mayIncludeBelow(path: BinaryPath): boolean
}

/** @param include `undefined`: everything
 * @throws {CoreError} `COPY_INVALID` for a malformed pattern */
export function createFilters(include: string | undefined, exclude: readonly string[]): Filters | undefined {
  if (include === undefined && exclude.length === 0) return undefined
  const included = include === undefined ? undefined : compile([include])
  const excluded = exclude.length === 0 ? undefined : compile(exclude)
  const parts = include?.split('/') ?? []
  return {
    includes: (path) => included === undefined || included.matches(toText(path)),
    excludes: (path) => excluded?.matches(toText(path)) ?? false,
    mayIncludeBelow(path) {
      if (excluded?.canSkipDirectory(toText(path))) return false
      return included === undefined ? true : prefixMatches(parts, path)
    },
  }
}

function compile(patterns: readonly string[]): Ignore {
  try {
    return createIgnore(patterns)
  } catch (cause) {
    throw new CoreError('COPY_INVALID', `Cannot use the pattern "${patterns.join(' ')}": it is malformed`, { cause })
  }
}

/** Whether a pattern with more parts than `path` may match something below it. */
function prefixMatches(parts: readonly string[], path: BinaryPath): boolean {
  for (const [index, name] of path.split('/').entries()) {
    const part = parts[index]
    if (part === undefined || part.includes('**')) return true
    if (!globMatches(part, name)) return false
  }
  return true
}
