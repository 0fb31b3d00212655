import { canonicalDigest, type Digest, digestOf, type NamedInput } from '@tsbuild/spec'
import { CoreError } from '../errors.js'
import { type GitCommit, type GitSource, isGitUrl, keepsGitDir, parseGitUrl } from '../git/index.js'
import type { SourceDigest } from './digest-task.js'
import type { Download } from './download.js'
import type { CopyDigest } from './engine.js'
import { redactUrl } from './redact-url.js'
import type { CopyRequest, InlineFile } from './request.js'
import type { SourceWords } from './select.js'

/** One source of a request, in the order in which they are copied. */
export type PlannedSource =
  | { readonly kind: 'tree'; readonly words: SourceWords }
  | { readonly kind: 'download'; readonly url: string }
  | { readonly kind: 'git'; readonly source: GitSource; readonly exclude: readonly string[] }
  | { readonly kind: 'inline'; readonly file: InlineFile }

/** Splits a request into its sources.
 * @throws {CoreError} `COPY_INVALID`, `GIT_URL_INVALID` */
export function planSources(request: CopyRequest): PlannedSource[] {
  const { kind, sources, inlineFiles, exclude, parents, literal } = request
  const planned = sources.map((source): PlannedSource => {
    if (isUrl(source)) {
      if (kind === 'copy')
        throw new CoreError('COPY_INVALID', `Cannot copy "${source}": source can't be a URL for COPY`)
      return { kind: 'download', url: source }
    }
    if (isGitUrl(source)) {
      if (kind === 'copy')
        throw new CoreError('COPY_INVALID', `Cannot copy "${source}": source can't be a git ref for COPY`)
      return { kind: 'git', source: gitSource(source, request), exclude }
    }
    return { kind: 'tree', words: { source, exclude, parents, ...(literal === undefined ? {} : { literal }) } }
  })
  return [...planned, ...inlineFiles.map((file): PlannedSource => ({ kind: 'inline', file }))]
}

function isUrl(source: string): boolean {
  return /^https?:\/\//i.test(source) && !isGitUrl(source)
}

/** What the URL says, and the flags beside it. */
function gitSource(url: string, { checksum, keepGitDir }: CopyRequest): GitSource {
  const source = parseGitUrl(url)
  const conflict = (flag: string) =>
    new CoreError(
      'GIT_URL_INVALID',
      `Cannot use git repository "${source.name}": it and --${flag} say different things`,
    )
  if (checksum !== undefined && source.checksum !== undefined && checksum !== source.checksum)
    throw conflict('checksum')
  if (keepGitDir !== undefined && source.keepGitDir !== undefined && keepGitDir !== source.keepGitDir) {
    throw conflict('keep-git-dir')
  }
  return {
    ...source,
    ...(checksum === undefined || checksum === '' ? {} : { checksum }),
    ...(keepGitDir === undefined ? {} : { keepGitDir }),
  }
}

/** Digests of the sources that lie in no tree. */
export function inlineDigest({ name, data }: InlineFile): SourceDigest {
  return { digest: canonicalDigest({ name, data: digestOf(data) }), files: 1, bytes: Buffer.byteLength(data) }
}

export function downloadDigest({ name, digest, size, modifiedSeconds }: Download): SourceDigest {
  return { digest: canonicalDigest({ name, digest, modified: modifiedSeconds ?? null }), files: 1, bytes: size }
}

/** A download that is known before it is there. Its time doesn't count, since only the server knows it. */
export function pinnedDigest(name: string, checksum: string): SourceDigest {
  return { digest: canonicalDigest({ name, pinned: checksum }), files: 1, bytes: 0 }
}

/** A commit says what its files are. Its git directory also has the address it came from. */
export function gitDigest(
  { source, exclude }: PlannedSource & { kind: 'git' },
  { commit, ref }: GitCommit,
): SourceDigest {
  const { subdir, submodules, remote } = source
  const gitDirectory = keepsGitDir(source) ? { remote, ref: ref ?? '' } : null
  return { digest: canonicalDigest({ commit, subdir, submodules, gitDirectory, exclude }), files: 0, bytes: 0 }
}

/** Puts the digests of a request's sources together. */
export function combineDigests(
  request: CopyRequest,
  planned: readonly PlannedSource[],
  digests: readonly SourceDigest[],
): CopyDigest {
  const inputs: NamedInput[] = []
  const names = new Set<string>()
  for (const [index, source] of planned.entries()) {
    const word = `${request.kind.toUpperCase()} ${sourceName(source)}`
    const name = names.has(word) ? `${word} (${index + 1})` : word
    names.add(name)
    inputs.push({ name, value: digests[index]?.digest ?? null })
  }
  const digest: Digest = canonicalDigest(digests.map((source) => source.digest))
  return {
    digest,
    inputs,
    files: digests.reduce((sum, { files }) => sum + files, 0),
    bytes: digests.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}

function sourceName(source: PlannedSource): string {
  switch (source.kind) {
    case 'tree':
      return source.words.source
    case 'download':
      return redactUrl(source.url)
    case 'git':
      return source.source.name
    case 'inline':
      return `<<${source.file.name}`
  }
}
