import { matchGlob } from '@tsbuild/parser'
import { type BinaryPath, cleanPath, joinPath, toBinary, toText } from './binary-path.js'
import { isDirectory } from './file-types.js'
import { resolvePath } from './resolve-path.js'
import type { SourceTree } from './source-tree.js'

/** Whether a word has a wildcard that is not escaped. */
export function hasWildcard(text: string): boolean {
  return /^(?:[^\\*?[]|\\.)*[*?[]/s.test(text)
}

/** A COPY source, split before its first part with a wildcard. */
export interface SourcePattern {
  /** Without wildcards. */
  readonly base: BinaryPath
  /** One pattern per part. */
  readonly globs: readonly string[]
}

export function splitPattern(source: string): SourcePattern {
  const parts = cleanPath(source).split('/')
  const first = parts.findIndex(hasWildcard)
  if (first < 0) return { base: toBinary(parts.join('/')), globs: [] }
  return { base: toBinary(parts.slice(0, first).join('/')), globs: parts.slice(first) }
}

/** The paths that a pattern with wildcards matches, in the order of a walk by name. Links that a wildcard meets on the way are not followed. */
export function matchPattern(tree: SourceTree, pattern: SourcePattern): BinaryPath[] {
  const found: BinaryPath[] = []
  const walk = (directory: BinaryPath, depth: number) => {
    const glob = pattern.globs[depth]
    if (glob === undefined) return
    for (const name of tree.names(directory)) {
      if (!globMatches(glob, name)) continue
      const path = joinPath(directory, name)
      const stat = tree.lstat(path)
      if (stat === undefined) continue
      if (depth === pattern.globs.length - 1) found.push(path)
      else if (isDirectory(stat.mode)) walk(path, depth + 1)
    }
  }
  walk(resolvePath(tree, pattern.base), 0)
  return found
}

/** A mistake in the pattern matches nothing, as in BuildKit. */
export function globMatches(glob: string, name: BinaryPath): boolean {
  try {
    return matchGlob(glob, toText(name))
  } catch {
    return false
  }
}
