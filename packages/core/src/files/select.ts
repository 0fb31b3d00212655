import { suggest } from '@tsbuild/parser'
import { CoreError } from '../errors.js'
import { type BinaryPath, baseName, cleanPath, parentPath, showPath, toBinary, toText } from './binary-path.js'
import { isDirectory } from './file-types.js'
import { createFilters, type Filters } from './filters.js'
import { resolvePath } from './resolve-path.js'
import type { FileStat, SourceTree } from './source-tree.js'
import { hasWildcard, matchPattern, splitPattern } from './wildcards.js'

/** One path that a source names, links followed. */
export interface Match {
  /** Name that it has when it is copied into a directory: that of the link, where one was named. */
  readonly name: BinaryPath
  readonly path: BinaryPath
  readonly stat: FileStat
}

/** What a source selects. */
export interface Selection {
  readonly matches: readonly Match[]
  readonly filters: Filters | undefined
}

export interface SourceWords {
  readonly source: string
  readonly exclude: readonly string[]
  readonly parents: boolean
  /** `source` is a path, not a pattern. */
  readonly literal?: boolean
}

/** Finds what a source of COPY or ADD names in a tree. A wildcard may match nothing; a plain name must be there.
 * @throws {CoreError} `COPY_SOURCE_NOT_FOUND`, `COPY_INVALID` */
export function select(tree: SourceTree, { source, exclude, parents, literal }: SourceWords): Selection {
  if (literal)
    return { matches: [match(tree, toBinary(cleanPath(source)))], filters: createFilters(undefined, exclude) }
  if (!parents) return { matches: matches(tree, source), filters: createFilters(undefined, exclude) }
  const pivot = source.indexOf('/./')
  const start = pivot < 0 ? '/' : source.slice(0, pivot)
  const include = cleanPath(pivot < 0 ? source : source.slice(pivot + 3))
  const found = matches(tree, start)
  if (include === '') {
    // Nothing stands behind the pivot: BuildKit finds nothing to copy there, either.
    if (pivot >= 0) throw notFound(tree, toBinary(cleanPath(start)), toBinary(cleanPath(start)))
    return { matches: found, filters: createFilters(undefined, exclude) }
  }
  if (!hasWildcard(include)) requirePath(tree, found, include)
  return { matches: found, filters: createFilters(include, exclude) }
}

function matches(tree: SourceTree, source: string): Match[] {
  const pattern = splitPattern(source)
  if (pattern.globs.length === 0) return [match(tree, pattern.base)]
  const base = resolvePath(tree, pattern.base)
  if (tree.lstat(base) === undefined) throw notFound(tree, pattern.base, base)
  return matchPattern(tree, pattern).map((path) => match(tree, path))
}

function match(tree: SourceTree, named: BinaryPath): Match {
  const path = resolvePath(tree, named)
  const stat = tree.lstat(path)
  if (stat === undefined) throw notFound(tree, named, path)
  return { name: baseName(named), path, stat }
}

/** `--parents` takes a plain path only where it exists below at least one start. */
function requirePath(tree: SourceTree, starts: readonly Match[], include: string): void {
  const path = toBinary(include)
  if (starts.some((start) => tree.lstat(start.path === '' ? path : `${start.path}/${path}`) !== undefined)) return
  throw notFound(tree, path, path)
}

function notFound(tree: SourceTree, named: BinaryPath, path: BinaryPath): CoreError {
  const shown = showPath(named)
  const hint = whyMissing(tree, path)
  return new CoreError(
    'COPY_SOURCE_NOT_FOUND',
    `Cannot find the source to copy: "${shown}": not found`,
    hint === undefined ? {} : { hint },
  )
}

function whyMissing(tree: SourceTree, path: BinaryPath): string | undefined {
  for (let part = path; part !== ''; part = parentPath(part)) {
    if (tree.isIgnored(part)) return `${showPath(part)} is there, but .dockerignore excludes it`
  }
  let parent = parentPath(path)
  let missing = baseName(path)
  while (parent !== '' && tree.lstat(parent) === undefined) {
    missing = baseName(parent)
    parent = parentPath(parent)
  }
  const directory = tree.lstat(parent)
  if (directory === undefined || !isDirectory(directory.mode)) return undefined
  const visible = tree
    .names(parent)
    .filter((name) => tree.lstat(parent === '' ? name : `${parent}/${name}`) !== undefined)
  const near = suggest(toText(missing), visible.slice(0, 2000).map(toText))
  return near === undefined ? undefined : `Did you mean "${parent === '' ? '' : `${toText(parent)}/`}${near}"?`
}
