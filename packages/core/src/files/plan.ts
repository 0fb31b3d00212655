import { canonicalDigest, type Digest, digestOf, type NamedInput } from '@tsbuild/spec'
import { CoreError } from '../errors.js'
import type { SourceDigest } from './digest-task.js'
import type { Download } from './download.js'
import type { CopyDigest } from './engine.js'
import type { CopyRequest, InlineFile } from './request.js'
import type { SourceWords } from './select.js'

/** One source of a request, in the order in which they are copied. */
export type PlannedSource =
  | { readonly kind: 'tree'; readonly words: SourceWords }
  | { readonly kind: 'download'; readonly url: string }
  | { readonly kind: 'inline'; readonly file: InlineFile }

/** Splits a request into its sources.
 * @throws {CoreError} `COPY_INVALID`, `UNSUPPORTED` */
export function planSources(request: CopyRequest): PlannedSource[] {
  const { kind, sources, inlineFiles, destination, exclude, parents } = request
  const verb = kind.toUpperCase()
  if (sources.length + inlineFiles.length > 1 && !destination.endsWith('/')) {
    throw new CoreError(
      'COPY_INVALID',
      `Cannot ${kind} ${sources.length + inlineFiles.length} files to "${destination}": ` +
        `When using ${verb} with more than one source file, the destination must be a directory and end with a /`,
    )
  }
  const planned = sources.map((source): PlannedSource => {
    if (isUrl(source)) {
      if (kind === 'copy')
        throw new CoreError('COPY_INVALID', `Cannot copy "${source}": source can't be a URL for COPY`)
      return { kind: 'download', url: source }
    }
    if (kind === 'add' && isGit(source)) {
      throw new CoreError('UNSUPPORTED', `Cannot add "${source}": git repositories are not supported yet`)
    }
    return { kind: 'tree', words: { source, exclude, parents } }
  })
  return [...planned, ...inlineFiles.map((file): PlannedSource => ({ kind: 'inline', file }))]
}

function isUrl(source: string): boolean {
  return /^https?:\/\//i.test(source) && !isGit(source)
}

function isGit(source: string): boolean {
  return /^(?:git:\/\/|ssh:\/\/|git@[^/]+:)/.test(source) || /^https?:\/\/[^?#]+\.git(?:[?#].*)?$/.test(source)
}

/** Digests of the sources that lie in no tree. */
export function inlineDigest({ name, data }: InlineFile): SourceDigest {
  return { digest: canonicalDigest({ name, data: digestOf(data) }), files: 1, bytes: Buffer.byteLength(data) }
}

export function downloadDigest({ name, digest, size, modifiedSeconds }: Download): SourceDigest {
  return { digest: canonicalDigest({ name, digest, modified: modifiedSeconds ?? null }), files: 1, bytes: size }
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
    case 'inline':
      return `<<${source.file.name}`
  }
}

/** Without user name and password. */
export function redactUrl(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^/@?#]*@/i, '$1')
}
